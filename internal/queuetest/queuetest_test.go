package queuetest

import (
	"testing"

	"github.com/gozmq/gozmq/internal/leak"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

func TestMain(m *testing.M) { leak.Main(m) }

// The store in memory passes the tests.
func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) func() gozmqstore.Store {
		m := new(gozmqstore.Memory)
		return func() gozmqstore.Store { return m }
	})
}
