package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain is also what the tests start: the command itself, where the test
// binary runs under its name, and the systems to talk to.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); strings.TrimSuffix(name, ".exe") == "gozmq" {
		os.Args = patient(os.Args)
		main()
	}
	if name := os.Getenv(systemVariable); name != "" {
		os.Exit(runSystem(name))
	}
	code := m.Run()
	stopShared()
	os.Exit(code)
}

// patient lets verbs wait for a minute for the other end, which a busy machine may
// not start within the 5 seconds that they have by default, and bench for its
// messages. What the command line says itself comes later, and counts.
func patient(args []string) []string {
	switch {
	case len(args) < 2:
	case args[1] == "bench":
		return slices.Insert(args, 2, "--connect-timeout=1m", "--drain=1m")
	case slices.Contains([]string{"call", "pub", "sub", "push", "pull", "record", "replay"}, args[1]):
		return slices.Insert(args, 2, "--connect-timeout=1m")
	}
	return args
}
