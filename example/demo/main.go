// Demo shows what the project does, from a .proto file to running processes:
//
//	go run ./example/demo
//
// It runs REQ/REP, PUB/SUB and PUSH/PULL, each between processes over TCP,
// prints what they say and checks what they did. Then it generates the examples'
// code with buf and compares it with the code that is checked in. It exits with
// status 1 when anything is off. All processes that it started have ended when
// it ends.
//
// The first run builds buf, which takes some minutes. The patterns run meanwhile.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// partTimeout limits how long one pattern may run.
const partTimeout = time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(),
		os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	err := run(ctx)
	if ctx.Err() != nil {
		err = errors.New("interrupted; its processes have been stopped")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	start := time.Now()
	root, err := findRoot(ctx)
	if err != nil {
		return err
	}
	log := &transcript{w: os.Stdout, terminal: isTerminal(os.Stdout)}
	if err := showPatterns(ctx, log, root); err != nil {
		return err
	}
	log.title("It all works (%.1fs)", time.Since(start).Seconds())
	return nil
}

// showPatterns runs every part from the code that is checked in, and then checks
// that buf generates this code. Buf is built while the parts run.
func showPatterns(ctx context.Context, log *transcript, root string) error {
	bin, err := os.MkdirTemp("", "gozmq-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	log.say("go", "building example/greeter")
	argv, err := build(ctx, root, bin, "greeter")
	if err != nil {
		return err
	}
	s := &stage{log: log, argv: argv}
	if err := playAll(ctx, parts()[:1], s); err != nil {
		return err
	}
	log.say("go", "building the other examples")
	if _, err := build(ctx, root, bin, "chat", "weather", "thumbnails"); err != nil {
		return err
	}
	buf, err := prepareBuf(ctx, log, root)
	if err != nil {
		return err
	}
	defer buf.stop()
	if err := playAll(ctx, parts()[1:], s); err != nil {
		return err
	}
	log.title("Generate: .proto → Go, with buf")
	if err := buf.wait(log); err != nil {
		return err
	}
	return checkGenerated(ctx, log, root, buf.path)
}

// A part shows one pattern; run returns what it has checked.
type part struct {
	title string
	run   func(context.Context, *stage) (string, error)
}

func parts() []part {
	return []part{
		{"REQ/REP: example/greeter", greeter},
		{"REQ/REP that streams: example/chat", chat},
		{"PUB/SUB: example/weather", weather},
		{"PUSH/PULL: example/thumbnails", thumbnails},
		{"PUSH/PULL that loses no task: example/thumbnails", sure},
	}
}

// playAll runs parts, one after the other.
func playAll(ctx context.Context, parts []part, s *stage) error {
	for _, p := range parts {
		s.log.title("%s", p.title)
		if err := play(ctx, p, s); err != nil {
			return err
		}
	}
	return nil
}

// play runs one part and ends its processes.
func play(ctx context.Context, p part, s *stage) error {
	defer s.stop()
	ctx, cancel := context.WithTimeoutCause(ctx, partTimeout, fmt.Errorf("this took longer than %s", partTimeout))
	defer cancel()
	checked, err := p.run(ctx, s)
	if err != nil {
		return fmt.Errorf("%s: %w", p.title, err)
	}
	s.log.say("checked", "%s", checked)
	return nil
}

// findRoot returns the folder of the checkout.
func findRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	if _, err := os.Stat(filepath.Join(root, "example", "demo", "main.go")); err != nil {
		return "", errors.New("run the demo inside a checkout: go run ./example/demo")
	}
	return root, nil
}
