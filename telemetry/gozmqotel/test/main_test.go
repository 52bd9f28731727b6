// Package test holds the tests of gozmqotel. They need OpenTelemetry's SDK and
// exporters, which users of gozmqotel choose themselves, so they stand in a package
// that nobody imports.
package test

import (
	"testing"

	"github.com/gozmq/gozmq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
