//go:build unix && !linux

package gozmqpostgres

import (
	"testing"

	"github.com/gozmq/gozmq/internal/postgrestest"
)

type disk struct{ folder string }

func smallDisk(t *testing.T, _ *postgrestest.Server, _ int) disk {
	t.Skip("only Linux has small file systems in memory")
	return disk{}
}

func (disk) grow(int) {}
