package main

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
)

// runBuild runs go build -v, and counts in p how far it is.
func runBuild(cmd *exec.Cmd, p *buildProgress) error {
	out := &lineWriter{line: p.add}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	out.flush()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, strings.Join(p.all(), "\n"))
	}
	return nil
}

// A buildProgress counts what go build -v prints. It may be used by several
// goroutines at once.
type buildProgress struct {
	mu         sync.Mutex
	downloaded int
	compiled   int
	messages   []string // all lines that are not counted: what went wrong
}

// add takes one line of output.
func (p *buildProgress) add(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		p.downloaded++
	case strings.ContainsAny(line, " #:"):
		p.messages = append(p.messages, line)
	default: // the path of a package
		p.compiled++
	}
}

// started reports whether anything was downloaded or compiled.
func (p *buildProgress) started() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.downloaded+p.compiled > 0
}

// all returns the lines that were not counted.
func (p *buildProgress) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.messages[:len(p.messages):len(p.messages)]
}

// String says how far the build is.
func (p *buildProgress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%d modules downloaded, %d packages compiled", p.downloaded, p.compiled)
}
