package gozmqbolt

import (
	"os"
	"testing"

	"github.com/gozmq/gozmq/internal/leak"
)

// roleVariable makes the test binary a ventilator.
const roleVariable = "GOZMQBOLT_VENTILATOR"

// TestMain is also how a ventilator in a process of its own starts.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		os.Exit(runVentilator(os.Args[1:]))
	}
	leak.Main(m)
}
