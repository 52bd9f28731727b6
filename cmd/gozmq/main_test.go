package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain is also what the tests start: the command itself, where the test
// binary runs under its name, and the systems to talk to.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); strings.TrimSuffix(name, ".exe") == "gozmq" {
		main()
	}
	if name := os.Getenv(systemVariable); name != "" {
		os.Exit(runSystem(name))
	}
	code := m.Run()
	stopShared()
	os.Exit(code)
}
