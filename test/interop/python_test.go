package interop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// python returns the interpreter that has pyzmq and protobuf. Without one, or
// without protoc, the test is skipped, or fails when GOZMQ_INTEROP=1. A test
// with subtests calls it before them, so that it does not pass on skipped ones.
func python(t *testing.T) string {
	t.Helper()
	path, err := findPython()
	if err != nil {
		missing(t, err)
	}
	return path
}

var findPython = sync.OnceValues(func() (string, error) {
	candidates := []string{"/usr/bin/python3", "python3"}
	if path := os.Getenv("GOZMQ_PYTHON"); path != "" {
		candidates = []string{path}
	}
	if _, err := exec.LookPath("protoc"); err != nil {
		return "", err
	}
	var errs []error
	for _, path := range candidates {
		out, err := exec.Command(path, "-c", "import zmq, google.protobuf").CombinedOutput()
		if err == nil {
			return path, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w: %s", path, err, lastLine(out)))
	}
	return "", fmt.Errorf("no python3 with pyzmq and protobuf: %w", errors.Join(errs...))
})

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// missing ends a test that cannot run on this machine.
func missing(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("GOZMQ_INTEROP") == "1" {
		t.Fatalf("GOZMQ_INTEROP=1: %v", err)
	}
	t.Skipf("needs Debian's python3-zmq, python3-protobuf, protobuf-compiler and libprotobuf-dev: %v", err)
}

// protoRoots are the folders that import paths start from, seen from here.
var protoRoots = []string{"../../proto", "../../example/proto", "proto"}

// messageClasses generates the Python classes of all messages that the scripts
// use and returns the folder to put on PYTHONPATH.
func messageClasses(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	args := []string{"--python_out=" + out}
	for _, root := range protoRoots {
		args = append(args, "-I"+root)
	}
	for _, root := range protoRoots {
		files, err := filepath.Glob(root + "/*/v*/*.proto")
		if err != nil || len(files) == 0 {
			t.Fatalf("no .proto below %s (%v)", root, err)
		}
		args = append(args, files...)
	}
	if text, err := exec.Command("protoc", args...).CombinedOutput(); err != nil {
		t.Fatalf("protoc: %v\n%s", err, text)
	}
	return out
}
