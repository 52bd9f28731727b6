package gozmqbolt

import (
	"os"
	"testing"

	"github.com/gozmq/gozmq/internal/leak"
)

const (
	roleVariable = "GOZMQBOLT_VENTILATOR" // makes the test binary a ventilator
	fillVariable = "GOZMQBOLT_FILL"       // makes it fill a disk
)

// TestMain is also how processes of their own start.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		os.Exit(runVentilator(os.Args[1:]))
	}
	if os.Getenv(fillVariable) != "" {
		os.Exit(runFill(os.Args[1:]))
	}
	leak.Main(m)
}
