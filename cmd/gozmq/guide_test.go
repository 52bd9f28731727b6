package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

const guide = "../../docs/guide/command.md"

// TestGuide runs what the guide shows, in one shell from its first block of
// "console" to its last.
func TestGuide(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell")
	}
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	s := newShell(t, string(text))
	var got strings.Builder
	const begin, end = "```console\n", "```\n"
	rest := string(text)
	for {
		before, after, found := strings.Cut(rest, begin)
		got.WriteString(before)
		if !found {
			break
		}
		block, behind, closed := strings.Cut(after, end)
		if !closed {
			t.Fatal("a block has no end")
		}
		got.WriteString(begin + s.replay(t, block) + end)
		rest = behind
	}
	switch {
	case *update:
		if err := os.WriteFile(guide, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	case got.String() != string(text):
		t.Errorf("the guide differs (go test -update writes it)\n%s\ngot:\n%s", testkit.Difference(string(text), got.String()), got.String())
	}
}
