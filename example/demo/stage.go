package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// anyPort lets the system choose the port; the process says which one it got.
const anyPort = "tcp://127.0.0.1:0"

// A stage starts the processes of one part of the demo. It is for one
// goroutine; its processes run at the same time.
type stage struct {
	log *transcript
	// argv holds the command of each role, as "greeter server".
	argv    map[string][]string
	running []*process
}

// build compiles example programs of the checkout at root into bin, and returns
// the command of each role, those of other programs included.
func build(ctx context.Context, root, bin string, programs ...string) (map[string][]string, error) {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", bin+string(filepath.Separator))
	for _, program := range programs {
		cmd.Args = append(cmd.Args, "./example/"+program)
	}
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // less to compile
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the examples: %w\n%s", err, out)
	}
	argv := make(map[string][]string)
	for _, role := range []string{
		"greeter server", "greeter client",
		"chat server", "chat upload", "chat watch", "chat talk",
		"weather publisher", "weather readings", "weather alerts",
		"thumbnails ventilator", "thumbnails worker", "thumbnails sink",
	} {
		program, arg, _ := strings.Cut(role, " ")
		program = filepath.Join(bin, program)
		if runtime.GOOS == "windows" {
			program += ".exe"
		}
		argv[role] = []string{program, arg}
	}
	return argv, nil
}

// start runs a role, shown as name in the transcript.
func (s *stage) start(ctx context.Context, name, role string, args ...string) (*process, error) {
	argv := append(s.argv[role][:len(s.argv[role]):len(s.argv[role])], args...)
	p, err := start(ctx, s.log, name, argv)
	if err != nil {
		return nil, err
	}
	s.running = append(s.running, p)
	return p, nil
}

// stop ends every process that is still running, all at the same time.
func (s *stage) stop() {
	for _, p := range s.running {
		p.cancel()
	}
	for _, p := range s.running {
		p.stop()
	}
	s.running = nil
}

// named returns the process that was started under a name, which must be there.
func (s *stage) named(name string) *process {
	return s.running[slices.IndexFunc(s.running, func(p *process) bool { return p.name == name })]
}
