//go:build !libzmq

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// withLibzmq builds this program again with libzmq in it, where that is
// installed, and runs that in its place. It returns false when there is no
// libzmq or it cannot be built with; the run then goes on without.
func withLibzmq(dir string, args []string) (done bool, err error) {
	if exec.Command("pkg-config", "--exists", "libzmq").Run() != nil {
		return false, nil
	}
	program := filepath.Join(dir, "bench")
	build := exec.Command("go", "build", "-tags", "libzmq", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "libzmq is installed, but building with it failed; going on without: %v\n%s", err, out)
		return false, nil
	}
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return true, errors.New("some of the above went wrong")
	}
	return true, nil
}
