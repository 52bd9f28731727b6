package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestPinned(t *testing.T) {
	tests := []struct{ name, mod, want string }{
		{"alone", "module x\nrequire example.org/a v1.2.3\n", "v1.2.3"},
		{"in a block", "require (\n\texample.org/a/b v0.1.0\n\texample.org/a v1.2.3 // indirect\n)\n", "v1.2.3"},
		{"missing", "require example.org/ab v1.2.3\n", ""},
		{"as a tool only", "tool example.org/a/cmd/a\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pinned(tt.mod, "example.org/a")
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestBufIsPinned(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "tools", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pinned(string(mod), bufPackage); err != nil {
		t.Error(err)
	}
}

func TestBuildProgress(t *testing.T) {
	var p buildProgress
	out := &lineWriter{line: p.add}
	for _, text := range []string{"go: downloading a v1\ngo: downl", "oading b v2\nbytes\nexample.org/a", "\n# example.org/b\nb.go:1:2: no\n"} {
		if _, err := out.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := p.String(), "2 modules downloaded, 2 packages compiled"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := strings.Join(p.messages, "\n"), "# example.org/b\nb.go:1:2: no"; got != want {
		t.Errorf("kept %q, want %q", got, want)
	}
}

func TestRunBuildReportsFailure(t *testing.T) {
	argv := child(t, "fail")
	err := runBuild(exec.Command(argv[0]), new(buildProgress))
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		t.Fatalf("got %v, want an exit status", err)
	}
}
