package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// What counts instructions.
const (
	perfCounter     = "perf"
	valgrindCounter = "valgrind"
	noCounter       = "not compared: neither perf with counters nor valgrind is here"
)

// A meter measures benchmarks. It builds each package's tests once.
type meter struct {
	root, dir string
	arch      string
	counter   string
	built     map[string]string
}

func newMeter(ctx context.Context, root string) (*meter, error) {
	dir, err := os.MkdirTemp("", "guard-")
	if err != nil {
		return nil, err
	}
	m := &meter{root: root, dir: dir, arch: runtime.GOARCH, built: make(map[string]string)}
	m.counter = m.findCounter(ctx)
	return m, nil
}

func (m *meter) close() { os.RemoveAll(m.dir) }

func (m *meter) findCounter(ctx context.Context) string {
	if _, err := m.perf(ctx, ".", "true"); err == nil {
		return perfCounter
	}
	if _, err := m.valgrind(ctx, ".", "true"); err == nil {
		return valgrindCounter
	}
	return noCounter
}

// rounds is how often a benchmark that costs too much is measured. The least
// counts: what other processes do can only add, as by a pool that is emptied in
// between.
const rounds = 3

// least measures f again while it is worse than the figure that is wanted.
func (m *meter) least(ctx context.Context, want figure) (figure, error) {
	least, err := m.measure(ctx, want)
	for range rounds - 1 {
		if err != nil || !least.worse(want) {
			break
		}
		var again figure
		if again, err = m.measure(ctx, want); err == nil {
			least.allocs, least.instructions = min(least.allocs, again.allocs), min(least.instructions, again.instructions)
		}
	}
	return least, err
}

// measure returns f with the costs of today.
func (m *meter) measure(ctx context.Context, f figure) (figure, error) {
	program, err := m.build(ctx, f.pkg)
	if err != nil {
		return f, err
	}
	if f.allocs >= 0 {
		if f.allocs, err = m.allocs(ctx, program, f); err != nil {
			return f, err
		}
	}
	if f.instructions >= 0 {
		if m.counter == noCounter {
			f.instructions = -1
			return f, nil
		}
		f.instructions, err = m.instructions(ctx, program, f)
	}
	return f, err
}

func (m *meter) build(ctx context.Context, pkg string) (string, error) {
	if program := m.built[pkg]; program != "" {
		return program, nil
	}
	program := filepath.Join(m.dir, strings.ReplaceAll(pkg, "/", "_")+".test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "./"+pkg)
	cmd.Dir = m.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	m.built[pkg] = program
	return program, nil
}

// benchmark returns the command that runs f with so many operations. The tests'
// folder is the package's, as with go test.
func (m *meter) benchmark(program string, f figure, ops int) []string {
	parts := strings.Split(f.name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return []string{
		program, "-test.run=^$", "-test.bench=" + strings.Join(parts, "/"), "-test.benchmem",
		"-test.benchtime=" + strconv.Itoa(ops) + "x", "-test.cpu=1",
	}
}

// output runs a command without garbage collections and preemption, whose times
// chance decides.
func (m *meter) output(ctx context.Context, pkg string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = filepath.Join(m.root, pkg)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1,cpu.rdtscp=off", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", args[0], err, out)
	}
	return out, nil
}

var allocsPerOp = regexp.MustCompile(`(\d+) allocs/op`)

func (m *meter) allocs(ctx context.Context, program string, f figure) (float64, error) {
	out, err := m.output(ctx, f.pkg, m.benchmark(program, f, f.ops)...)
	if err != nil {
		return 0, err
	}
	return number(allocsPerOp, out)
}

func number(e *regexp.Regexp, text []byte) (float64, error) {
	found := e.FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("nothing like %s in\n%s", e, text)
	}
	return strconv.ParseFloat(strings.ReplaceAll(string(found[1]), ",", ""), 64)
}

// instructions compares a run with one of three times as many operations, so that
// what comes before and after them does not count.
func (m *meter) instructions(ctx context.Context, program string, f figure) (float64, error) {
	few, err := m.count(ctx, f.pkg, m.benchmark(program, f, f.ops)...)
	if err != nil {
		return 0, err
	}
	many, err := m.count(ctx, f.pkg, m.benchmark(program, f, 3*f.ops)...)
	if err != nil {
		return 0, err
	}
	return max(0, (many-few)/float64(2*f.ops)), nil
}

func (m *meter) count(ctx context.Context, pkg string, args ...string) (float64, error) {
	if m.counter == perfCounter {
		return m.perf(ctx, pkg, args...)
	}
	return m.valgrind(ctx, pkg, args...)
}

var perfInstructions = regexp.MustCompile(`(?m)^(\d+),[^,]*,instructions`)

func (m *meter) perf(ctx context.Context, pkg string, args ...string) (float64, error) {
	out, err := m.output(ctx, pkg, append([]string{"perf", "stat", "-x,", "-e", "instructions:u", "--"}, args...)...)
	if err != nil {
		return 0, err
	}
	return number(perfInstructions, out)
}

var valgrindInstructions = regexp.MustCompile(`I\s+refs:\s+([\d,]+)`)

func (m *meter) valgrind(ctx context.Context, pkg string, args ...string) (float64, error) {
	if runtime.GOOS != "linux" {
		return 0, errors.ErrUnsupported
	}
	out, err := m.output(ctx, pkg, append([]string{"valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"}, args...)...)
	if err != nil {
		return 0, err
	}
	return number(valgrindInstructions, out)
}
