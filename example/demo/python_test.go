package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPythonPeers runs the patterns with one role taken by its Python peer.
func TestPythonPeers(t *testing.T) {
	python := findPython(t)
	t.Setenv("PYTHONPATH", messageClasses(t))
	argv := goRoles(t)
	for role := range argv {
		t.Run(role, func(t *testing.T) {
			program, arg, _ := strings.Cut(role, " ")
			mixed := maps.Clone(argv)
			mixed[role] = []string{python, filepath.Join("..", program, "peer.py"), arg}
			for _, p := range partsOf(program) {
				if role == "thumbnails ventilator" && strings.Contains(p.title, "loses no task") {
					continue // keeps its tasks until they are done: no matter of a few lines
				}
				t.Run(p.title, func(t *testing.T) {
					if err := play(t.Context(), p, newStage(t, mixed)); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// partsOf returns the parts that run a program.
func partsOf(program string) (list []part) {
	for _, p := range parts() {
		if strings.HasSuffix(p.title, "/"+program) {
			list = append(list, p)
		}
	}
	return list
}

// findPython returns an interpreter that has what the peers import. Without
// one the test is skipped, or fails when GOZMQ_INTEROP=1.
func findPython(t *testing.T) string {
	t.Helper()
	candidates := []string{"/usr/bin/python3", "python3"}
	if path := os.Getenv("GOZMQ_PYTHON"); path != "" {
		candidates = []string{path}
	}
	var errs []error
	for _, path := range candidates {
		out, err := exec.Command(path, "-c", "import zmq, google.protobuf, PIL").CombinedOutput()
		if err == nil {
			return path
		}
		errs = append(errs, fmt.Errorf("%s: %w: %s", path, err, out))
	}
	missing(t, errors.Join(errs...))
	return ""
}

// messageClasses generates the Python classes that the peers import, and
// returns their folder.
func messageClasses(t *testing.T) string {
	t.Helper()
	protoc, err := exec.LookPath("protoc")
	if err != nil {
		missing(t, err)
	}
	dir := t.TempDir()
	cmd := exec.Command(protoc, "-I", "proto", "-I", "example/proto", "--python_out="+dir,
		"gozmq/v1/annotations.proto", "gozmq/v1/wire.proto",
		"greet/v1/greet.proto", "chat/v1/chat.proto", "weather/v1/weather.proto", "image/v1/image.proto")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("protoc: %v\n%s", err, out)
	}
	return dir
}

// missing ends a test that cannot run on this machine.
func missing(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("GOZMQ_INTEROP") == "1" {
		t.Fatalf("GOZMQ_INTEROP=1: %v", err)
	}
	t.Skipf("needs Debian's python3-zmq, python3-protobuf, python3-pil and protobuf-compiler: %v", err)
}
