package main

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// runBuild runs go build -v and says every few seconds how far it is.
func runBuild(cmd *exec.Cmd, log *transcript) error {
	var p buildProgress
	out := &lineWriter{line: p.add}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()

	start := time.Now()
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			log.say("buf", "%3.0fs: %s", time.Since(start).Seconds(), &p)
		case err := <-done:
			out.flush()
			if err != nil {
				return fmt.Errorf("%w\n%s", err, strings.Join(p.messages, "\n"))
			}
			log.say("buf", "built in %.0fs: %s", time.Since(start).Seconds(), &p)
			return nil
		}
	}
}

// A buildProgress counts what go build -v tells. It may be used by several
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

// String says how far the build is.
func (p *buildProgress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%d modules downloaded, %d packages compiled", p.downloaded, p.compiled)
}
