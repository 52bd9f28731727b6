//go:build unix

package gozmqpostgres

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// A pipeline is a worker and a sink of this process, and ventilators of processes
// of their own, which share a queue.
type pipeline struct {
	t        *testing.T
	ctx      context.Context
	queue    Queue
	endpoint string // the worker's
	stop     context.CancelFunc
	wg       sync.WaitGroup
	children int

	mu     sync.Mutex
	pushed map[int64]bool // a push has returned
	came   map[int64]int  // results
	dead   map[int64]int  // letters
	late   []int64        // runs of tasks that were given up before
	runs   int
	ends   int // that owners were about to store, or had stored, when they died
	worker *gozmq.Worker
	change chan struct{}
}

// newPipeline starts the worker and the sink.
func newPipeline(t *testing.T) *pipeline {
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	t.Cleanup(cancel)
	p := &pipeline{t: t, ctx: ctx, queue: newQueue(t), pushed: make(map[int64]bool), came: make(map[int64]int), dead: make(map[int64]int), change: make(chan struct{})}
	sink, err := gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	p.stop = func() {
		stop()
		p.wg.Wait()
		sink.Close()
		t.Logf("sink: %v", sink.Progress())
	}
	p.worker, err = gozmqimpl.NewWorker("test.Tasks", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTask(method, p.handle)}
	}, []gozmq.WorkerOption{gozmq.From(gozmq.Bind("tcp://127.0.0.1:*")), gozmq.To(gozmq.Connect(sink.Addrs()[0])),
		gozmq.WithConcurrency(4), gozmq.WithReconnectBackoff(time.Millisecond, 10*time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	p.endpoint = p.worker.Addrs()[0]
	p.wg.Go(func() {
		if err := p.worker.Run(running); err != nil {
			t.Error(err)
		}
	})
	p.wg.Go(func() {
		for n, err := range gozmqimpl.Results[number](running, sink, method) {
			if err != nil {
				t.Error(err)
				continue
			}
			p.note(func() { p.came[n.GetValue()]++ })
		}
	})
	return p
}

// note changes what is known, and wakes those who wait for that.
func (p *pipeline) note(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.change)
	p.change = make(chan struct{})
}

// handle is the worker's handler.
func (p *pipeline) handle(_ context.Context, n *number) (*number, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs++
	if p.dead[n.GetValue()] > 0 {
		p.late = append(p.late, n.GetValue())
	}
	if hopeless(n.GetValue()) {
		return nil, errors.New("hopeless")
	}
	return n, nil
}

// wait waits until a condition holds, which is checked with p.mu held.
func (p *pipeline) wait(what string, ready func() bool) {
	p.t.Helper()
	for {
		p.mu.Lock()
		ok, change := ready(), p.change
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-change:
		case <-p.ctx.Done():
			p.t.Fatalf("waiting for %s: %v", what, p.ctx.Err())
		}
	}
}

// waitPushed waits until n more tasks were taken.
func (p *pipeline) waitPushed(n int) {
	p.t.Helper()
	p.mu.Lock()
	want := len(p.pushed) + n
	p.mu.Unlock()
	p.wait("pushes", func() bool { return len(p.pushed) >= want })
}

// A child is a ventilator in a process of its own.
type child struct {
	pipeline *pipeline
	name     string
	cmd      *exec.Cmd
	stdin    io.Closer
	exited   chan struct{}
	err      error // of its exit

	owner, standby bool // what it has said last; the pipeline's mu guards it
	took           time.Time
}

// start starts a ventilator on a database, which dies at a point.
func (p *pipeline) start(url, point string) *child {
	p.t.Helper()
	program, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	p.children++
	c := &child{pipeline: p, name: strconv.Itoa(p.children), exited: make(chan struct{})}
	first := strconv.FormatInt(int64(p.children)*1_000_000, 10)
	c.cmd = exec.Command(program, url, p.queue.Schema, p.queue.Name, p.endpoint, first, point)
	c.cmd.Env = append(os.Environ(), roleVariable+"=1")
	c.cmd.Stderr = os.Stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.kill)
	go func() {
		for lines := bufio.NewReader(out); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // half a line was never said
			}
			p.note(func() { c.heard(strings.TrimSpace(line)) })
		}
		c.err = c.cmd.Wait()
		p.note(func() { close(c.exited) })
	}()
	return c
}

// heard takes a line; the pipeline's mu is held.
func (c *child) heard(line string) {
	p := c.pipeline
	word, value, _ := strings.Cut(line, " ")
	switch n, _ := strconv.ParseInt(value, 10, 64); word {
	case "pushed":
		p.pushed[n] = true
	case "dead":
		p.dead[n]++
	case "ends":
		p.ends += int(n)
	case "owner":
		c.owner, c.standby, c.took = true, false, time.Now()
	case "standby":
		c.owner, c.standby = false, true
	case "failed":
		p.t.Logf("ventilator %s: %s", c.name, line)
	default:
		p.t.Errorf("ventilator %s said %q", c.name, line)
	}
}

func (c *child) signal(s syscall.Signal) {
	if err := c.cmd.Process.Signal(s); err != nil {
		c.pipeline.t.Error(err)
	}
}

// kill ends the process, if it has not ended, and waits for it.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.exited
}

func (c *child) waitOwner() {
	c.pipeline.t.Helper()
	c.pipeline.wait("ventilator "+c.name+" to own the queue", func() bool { return c.owner })
}

func (c *child) waitStandby() {
	c.pipeline.t.Helper()
	c.pipeline.wait("ventilator "+c.name+" to stand by", func() bool { return c.standby })
}

// end ends the process in order: all tasks are done if it owns the queue.
func (c *child) end() {
	c.pipeline.t.Helper()
	c.stdin.Close()
	c.pipeline.wait("ventilator "+c.name+" to end", func() bool {
		select {
		case <-c.exited:
			return true
		default:
			return false
		}
	})
	if c.err != nil {
		c.pipeline.t.Errorf("ventilator %s: %v", c.name, c.err)
	}
}

// finish ends the pipeline and reports what became of its tasks: none may be lost,
// and none done after it was given up.
func (p *pipeline) finish() {
	p.t.Helper()
	p.stop()
	lost, twice, letters := 0, 0, 0
	for n := range p.pushed {
		if p.came[n] == 0 && p.dead[n] == 0 {
			lost++
		}
	}
	for n, count := range p.came {
		if count > 1 {
			twice++
		}
		if hopeless(n) {
			p.t.Errorf("the result of %d came, which always fails", n)
		}
	}
	for _, count := range p.dead {
		letters += count
	}
	p.t.Logf("%d ventilators; %d tasks were taken, %d results came, %d of them more than once; %d dead letters of %d tasks; %d runs; %d tasks lost; %d runs of tasks that were given up before", p.children, len(p.pushed), len(p.came), twice, letters, len(p.dead), p.runs, lost, len(p.late))
	if lost > 0 {
		p.t.Errorf("%d tasks are lost", lost)
	}
	if len(p.late) > 0 {
		p.t.Errorf("tasks ran after they were given up: %d", p.late)
	}
}
