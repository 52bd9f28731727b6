package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// childVar makes the test binary behave as one of the children below.
const childVar = "GOZMQ_DEMO_CHILD"

// runChild is what the test binary does as a child process; it does not return.
func runChild(name string) {
	switch name {
	case "talk":
		fmt.Print("one\nlistening on tcp://127.0.0.1:1\r\nlast")
	case "fail":
		fmt.Fprintln(os.Stderr, "no")
		os.Exit(3)
	case "forever":
		stopped := make(chan os.Signal, 1)
		signal.Notify(stopped, os.Interrupt)
		fmt.Println("up")
		<-stopped
		fmt.Println("down")
	case "deaf":
		signal.Ignore(os.Interrupt)
		fmt.Println("up")
		time.Sleep(time.Hour)
	}
	os.Exit(0)
}

// child returns the command that runs a child.
func child(t *testing.T, name string) []string {
	t.Setenv(childVar, name)
	return []string{os.Args[0]}
}

func startChild(t *testing.T, name string) *process {
	t.Helper()
	p, err := start(t.Context(), &transcript{w: t.Output()}, name, child(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return p
}

func TestProcessOutput(t *testing.T) {
	p := startChild(t, "talk")
	endpoint, err := p.endpoint(t.Context())
	if err != nil || endpoint != "tcp://127.0.0.1:1" {
		t.Errorf("endpoint %q, %v", endpoint, err)
	}
	if err := p.wait(t.Context()); err != nil {
		t.Error(err)
	}
	want := []string{"one", "listening on tcp://127.0.0.1:1", "last"}
	if got := p.all(); !slices.Equal(got, want) {
		t.Errorf("printed %q, want %q", got, want)
	}
	if got := slices.Collect(p.lines(t.Context())); !slices.Equal(got, want) {
		t.Errorf("yielded %q, want %q", got, want)
	}
}

func TestProcessFails(t *testing.T) {
	p := startChild(t, "fail")
	if _, err := p.endpoint(t.Context()); err == nil {
		t.Error("got an endpoint")
	}
	if err := p.wait(t.Context()); err == nil {
		t.Error("a status of 3 is not an error")
	}
}

func TestProcessStop(t *testing.T) {
	for _, name := range []string{"forever", "deaf"} {
		t.Run(name, func(t *testing.T) {
			p := startChild(t, name)
			for range p.lines(t.Context()) {
				break // it is up
			}
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				p.stop()
				p.stop() // does nothing
			}()
			testkit.Receive(t, stopped, "the end of the process")
		})
	}
}

func TestProcessWaitEndsWithContext(t *testing.T) {
	p := startChild(t, "forever")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range p.lines(ctx) {
		cancel() // and the loop ends, though the process runs on
	}
	if err := p.wait(ctx); err == nil {
		t.Error("no error")
	}
	if _, err := p.endpoint(ctx); err == nil {
		t.Error("got an endpoint")
	}
}
