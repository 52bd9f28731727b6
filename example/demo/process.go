package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// stopTimeout is how long a process may take to end by itself after it was
// asked to, before it is killed.
const stopTimeout = 2 * time.Second

// A process is a running program. Its output goes into the transcript line by
// line, and is kept. Its methods may be called by several goroutines at once.
type process struct {
	name   string
	cancel context.CancelFunc
	os     *os.Process
	done   chan struct{} // closed when the process has ended and err is set
	err    error

	mu      sync.Mutex
	output  []string
	changed chan struct{} // closed and replaced when output grows
}

// start runs argv until it ends by itself or ctx ends. The caller must call
// stop in the end.
func start(ctx context.Context, log *transcript, name string, argv []string) (*process, error) {
	ctx, cancel := context.WithCancel(ctx)
	p := &process{name: name, cancel: cancel, done: make(chan struct{}), changed: make(chan struct{})}
	out := &lineWriter{line: func(line string) {
		log.say(name, "%s", line)
		p.add(line)
	}}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = stopTimeout
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.os = cmd.Process
	go func() {
		p.err = cmd.Wait()
		out.flush()
		close(p.done)
	}()
	return p, nil
}

// interrupt asks a process to end, or ends it where that cannot be asked.
func interrupt(p *os.Process) error {
	err := p.Signal(os.Interrupt)
	if err == nil || errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Kill()
}

func (p *process) add(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.output = append(p.output, line)
	close(p.changed)
	p.changed = make(chan struct{})
}

// lines yields every line of output from the first one on, until the process
// has ended or ctx ends.
func (p *process) lines(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := 0; ; i++ {
			line, ok := p.line(ctx, i)
			if !ok || !yield(line) {
				return
			}
		}
	}
}

// line waits for line i. It returns false when there will be none.
func (p *process) line(ctx context.Context, i int) (string, bool) {
	for {
		ended := false
		select {
		case <-p.done:
			ended = true
		default:
		}
		p.mu.Lock()
		output, changed := p.output, p.changed
		p.mu.Unlock()
		if i < len(output) {
			return output[i], true
		}
		if ended {
			return "", false
		}
		select {
		case <-changed:
		case <-p.done:
		case <-ctx.Done():
			return "", false
		}
	}
}

// endpoint waits until the process says where it listens.
func (p *process) endpoint(ctx context.Context) (string, error) {
	for line := range p.lines(ctx) {
		if endpoint, ok := strings.CutPrefix(line, "listening on "); ok {
			return endpoint, nil
		}
	}
	return "", fmt.Errorf("%s did not say where it listens", p.name)
}

// wait waits until the process has ended by itself. It returns an error when
// it failed, or when ctx ended first.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		return fmt.Errorf("%s has not finished: %w", p.name, context.Cause(ctx))
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w", p.name, p.err)
	}
	return nil
}

// all returns what the process has printed so far.
func (p *process) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output[:len(p.output):len(p.output)]
}

// kill ends the process without warning, and returns when it has ended.
func (p *process) kill() error {
	err := p.os.Kill()
	<-p.done
	return err
}

// stop ends the process if it is running, and returns when it has ended: it is
// interrupted, and killed after stopTimeout.
func (p *process) stop() {
	p.cancel()
	<-p.done
}
