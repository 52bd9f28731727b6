// Package child is what the benchmarks run in processes of their own: one side
// of many connections, or a burst of large messages, whose memory is then not
// mixed with anything else's; one side of a library, or a proxy between its two
// sides.
package child

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/gozmq/gozmq/bench/internal/durable"
)

// Flag is the first argument of a child.
const Flag = "-child"

// A report is a line that a child prints.
type report struct {
	Addr  string        `json:"addr,omitempty"`
	Back  string        `json:"back,omitempty"` // of a proxy, whose front Addr is
	Bytes uint64        `json:"bytes,omitempty"`
	CPU   time.Duration `json:"cpu,omitempty"`
	Err   string        `json:"err,omitempty"`
}

// Main is what a child runs; args follow Flag: what to be, a rival's
// name, and what else that needs. It serves requests for reports, a line each,
// until standard input ends.
func Main(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("%s: want what to be and a rival's name", Flag)
	}
	out := json.NewEncoder(os.Stdout)
	err := run(args, out)
	if err != nil {
		_ = out.Encode(report{Err: err.Error()})
	}
	return err
}

func run(args []string, out *json.Encoder) error {
	switch role, name := args[0], args[1]; {
	case role == "server":
		return serve(name, out)
	case role == "clients" && len(args) == 4:
		n, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		return clients(name, args[2], n, out)
	case role == "owner" && len(args) == 3:
		return durable.Own(name, args[2], func() error {
			if err := out.Encode(report{}); err != nil {
				return err
			}
			_, err := io.Copy(io.Discard, os.Stdin)
			return err
		})
	case role == "burst":
		return burst(name, args[2:], out)
	case (role == "echo" || role == "push" || role == "publish") && len(args) == 5:
		size, err1 := strconv.Atoi(args[3])
		window, err2 := strconv.Atoi(args[4])
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		return apart(role, name, args[2], size, window, out)
	case role == "proxy" && len(args) == 3:
		return proxy(name, args[2], out)
	default:
		return fmt.Errorf("%s: cannot be %q", Flag, args)
	}
}

// answer prints what measure returns for each line of standard input.
func answer(out *json.Encoder, measure func() uint64) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := out.Encode(report{Bytes: measure()}); err != nil {
			return err
		}
	}
	return lines.Err()
}

// A Process is a child as its parent sees it.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// Start starts a child and waits for its first report.
func Start(self string, args ...string) (*Process, string, error) {
	p, first, err := start(self, args...)
	return p, first.Addr, err
}

func start(self string, args ...string) (*Process, report, error) {
	p := &Process{cmd: exec.Command(self, append([]string{Flag}, args...)...)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, report{}, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, report{}, err
	}
	p.out = json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return nil, report{}, err
	}
	first, err := p.read()
	if err != nil {
		p.Stop()
		return nil, report{}, err
	}
	return p, first, nil
}

func (p *Process) read() (report, error) {
	var r report
	if err := p.out.Decode(&r); err != nil {
		return r, fmt.Errorf("child: %w", err)
	}
	if r.Err != "" {
		return r, fmt.Errorf("child: %s", r.Err)
	}
	return r, nil
}

// Bytes asks the child for its memory.
func (p *Process) Bytes() (uint64, error) {
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		return 0, err
	}
	r, err := p.read()
	return r.Bytes, err
}

// Kill ends the child as kill -9 does. Stop must be called all the same.
func (p *Process) Kill() error { return p.cmd.Process.Kill() }

// Stop lets the child end and waits for it.
func (p *Process) Stop() {
	p.in.Close()
	_ = p.cmd.Wait()
}
