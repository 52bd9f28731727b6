package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/gozmq/gozmq/internal/leak"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(childVar); name != "" {
		runChild(name)
	}
	leak.Main(m)
}

// TestParts runs the patterns as the demo does.
func TestParts(t *testing.T) {
	argv := goRoles(t)
	for _, p := range parts() {
		t.Run(p.title, func(t *testing.T) {
			t.Parallel()
			if err := play(t.Context(), p, newStage(t, argv)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMissingProgram wants a part to fail when one of its programs cannot run.
func TestMissingProgram(t *testing.T) {
	argv := map[string][]string{"greeter server": {filepath.Join(t.TempDir(), "nothing")}}
	if err := play(t.Context(), parts()[0], newStage(t, argv)); err == nil {
		t.Error("no error")
	}
}

// TestPartWithoutTime wants a part to end its processes when its time is over.
func TestPartWithoutTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newStage(t, map[string][]string{"greeter server": child(t, "forever")})
	if err := play(ctx, parts()[0], s); err == nil {
		t.Error("no error")
	}
	if len(s.running) != 0 {
		t.Errorf("%d processes are running", len(s.running))
	}
}

// goRoles builds the example programs and returns their commands.
func goRoles(t *testing.T) map[string][]string {
	t.Helper()
	readSources(t)
	argv, err := build(t.Context(), filepath.Join("..", ".."), t.TempDir(), "greeter", "chat", "weather", "thumbnails")
	if err != nil {
		t.Fatal(err)
	}
	return argv
}

// newStage returns a stage whose transcript goes to the test's log.
func newStage(t *testing.T, argv map[string][]string) *stage {
	return &stage{log: &transcript{w: t.Output()}, argv: argv}
}

// readSources reads what the programs are made of. Go test keeps a result until
// a file changes that the test has opened, and go build is another process.
func readSources(t *testing.T) {
	t.Helper()
	for _, folder := range []string{"../../runtime", "../../example"} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			_, err = os.ReadFile(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
