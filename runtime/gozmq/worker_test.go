package gozmq

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/testproto"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// Ventilator, three workers, sink: each task is run once, by all workers.
func TestPipeline(t *testing.T) {
	const tasks, workers = 3000, 3
	overEach(t, func(t *testing.T, s site) {
		p := s.pipeline(t, nil, nil)
		var runs [workers]atomic.Int64
		for i := range workers {
			work(t, squaring(func(ctx context.Context, task *number) (*number, error) {
				runs[i].Add(1)
				return squares(ctx, task)
			}), p.from, p.to)
		}
		if err := p.WaitForWorkers(testkit.Within(t), workers); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { p.push(t, tasks) })
		p.wantSquares(t, tasks)
		wg.Wait()
		sum := int64(0)
		for i := range runs {
			n := runs[i].Load()
			sum += n
			if n == 0 {
				t.Errorf("worker %d ran nothing", i)
			}
		}
		if sum != tasks || p.Sent() != tasks {
			t.Errorf("%d tasks were sent, %d were run, want %d", p.Sent(), sum, tasks)
		}
	})
}

// Workers may bind, and the two ends connect to them.
func TestWorkerBinds(t *testing.T) {
	for name := range endpoints() {
		t.Run(name, func(t *testing.T) {
			tasks, res := closedPort(t), closedPort(t)
			switch name {
			case "ipc":
				dir := t.TempDir()
				tasks, res = "ipc://"+dir+"/tasks", "ipc://"+dir+"/results"
			case "inproc":
				tasks, res = "inproc://"+t.Name()+"/tasks", "inproc://"+t.Name()+"/results"
			}
			work(t, squaring(squares), From(Bind(tasks)), To(Bind(res)))
			p := &testPipeline{Ventilator: ventilator(t, Connect(tasks), fast()), Sink: sink(t, Connect(res), fast())}
			p.push(t, 10)
			p.wantSquares(t, 10)
		})
	}
}

func TestWorkerConcurrency(t *testing.T) {
	const n = 4
	p := site{endpoint: "tcp://127.0.0.1:*"}.pipeline(t, nil, nil)
	started, release := make(chan struct{}, 100), make(chan struct{})
	var running, most atomic.Int64
	work(t, squaring(func(ctx context.Context, task *number) (*number, error) {
		now := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		started <- struct{}{}
		<-release
		return squares(ctx, task)
	}), p.from, p.to, WithConcurrency(n))
	p.push(t, 10*n)
	for range n {
		testkit.Receive(t, started, "a task that runs")
	}
	close(release)
	p.wantSquares(t, 10*n)
	if got := most.Load(); got != n {
		t.Errorf("%d tasks ran at once, want %d", got, n)
	}
}

// While workers stall, Push waits; its context ends that.
func TestBackPressure(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		p := s.pipeline(t, []VentilatorOption{WithSendQueue(10, 1<<20)}, nil)
		release := make(chan struct{})
		var ran atomic.Uint64
		work(t, []TaskHandler{HandleTaskOnly(logMethod, func(context.Context, *bytez) error {
			<-release
			ran.Add(1)
			return nil
		})}, p.from)
		free := sync.OnceFunc(func() { close(release) })
		t.Cleanup(free)
		body := wrapperspb.Bytes(make([]byte, 100<<10))
		push := func(limit time.Duration) error {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			return p.Push(ctx, logMethod, body)
		}
		if err := p.WaitForWorkers(testkit.Within(t), 1); err != nil {
			t.Fatal(err)
		}
		sent := uint64(0)
		err := push(testkit.Patience())
		for ; err == nil && sent < 5000; sent++ {
			err = push(100 * time.Millisecond)
		}
		wantCode(t, err, CodeDeadlineExceeded, logMethod.Procedure)
		if sent == 0 || p.Sent() != sent {
			t.Errorf("Sent is %d after %d tasks", p.Sent(), sent)
		}
		done := make(chan error, 1)
		go func() { done <- push(testkit.Patience()) }()
		free()
		if err := testkit.Receive(t, done, "the end of Push"); err != nil {
			t.Error(err)
		}
		testkit.Eventually(t, "the end of every task", func() bool { return ran.Load() == sent+1 })
	})
}

func TestPushWithoutWorkers(t *testing.T) {
	v := ventilator(t, Bind("tcp://127.0.0.1:*"))
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	wantCode(t, v.WaitForWorkers(short, 2), CodeDeadlineExceeded, "wait for workers", "0 of 2 peers")
	err := v.Push(short, squareMethod, wrapperspb.Int64(1))
	wantCode(t, err, CodeDeadlineExceeded, squareMethod.Procedure)
	if !errors.Is(err, context.DeadlineExceeded) || v.Sent() != 0 {
		t.Errorf("got %v, %d sent", err, v.Sent())
	}
	done := make(chan error, 2)
	go func() { done <- v.Push(context.Background(), squareMethod, wrapperspb.Int64(1)) }()
	go func() { done <- v.WaitForWorkers(context.Background(), 1) }()
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		wantCode(t, testkit.Receive(t, done, "the end of the wait"), CodeCanceled, "closed")
	}
	wantCode(t, v.Push(testkit.Within(t), squareMethod, wrapperspb.Int64(1)), CodeCanceled, "closed")
	if err := v.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

func TestPushErrors(t *testing.T) {
	p := site{endpoint: "inproc://" + t.Name()}.pipeline(t, []VentilatorOption{WithMaxMessageSize(small)}, nil)
	work(t, squaring(squares), p.from, p.to)
	ctx := testkit.Within(t)
	if err := p.WaitForWorkers(ctx, 1); err != nil {
		t.Fatal(err)
	}
	wantCode(t, p.Push(ctx, squareMethod, &testproto.Order{}), CodeInvalidArgument, "gozmq.test.legacy.Order", "customer")
	wantCode(t, p.Push(ctx, squareMethod, wrapperspb.Bytes(make([]byte, small))), CodeResourceExhausted, "limit of 4096")
	p.push(t, 3)
	p.wantSquares(t, 3)
}

// A worker that stops runs what it has received, and the results arrive.
func TestWorkerStopsGracefully(t *testing.T) {
	const n = 100
	endpoint, accept := listenRaw(t, zmtp.Push)
	p := &testPipeline{Sink: sink(t, Bind("tcp://127.0.0.1:*"))}
	started, release := make(chan struct{}, n), make(chan struct{})
	w := work(t, squaring(func(ctx context.Context, task *number) (*number, error) {
		started <- struct{}{}
		<-release
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return squares(ctx, task)
	}), From(Connect(endpoint)), To(Connect(p.Sink.Addrs()...)))
	raw := accept()
	var tasks []byte
	for i := range n {
		tasks = append(tasks, zmtptest.Message(squareMethod.Procedure, encode(t, wrapperspb.Int64(int64(i+1))))...)
	}
	raw.Send(tasks) // in one piece, so that it is received in one piece
	testkit.Receive(t, started, "the first task")
	w.cancel()
	raw.wantClosed()
	raw.Close()
	close(release)
	if err := w.stop(); err != nil {
		t.Errorf("RunWorker: %v", err)
	}
	p.wantSquares(t, n)
}

// A worker whose tasks take too long is stopped by its drain timeout.
func TestWorkerDrainTimeout(t *testing.T) {
	p := site{endpoint: "inproc://" + t.Name()}.pipeline(t, nil, nil)
	started := make(chan context.Context, 1)
	failed, report := failures()
	w := work(t, squaring(func(ctx context.Context, task *number) (*number, error) {
		started <- ctx
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}), p.from, p.to, WithDrainTimeout(20*time.Millisecond), report)
	p.push(t, 1)
	testkit.Receive(t, started, "the task")
	if err := w.stop(); err != nil {
		t.Errorf("RunWorker: %v", err)
	}
	wantText(t, testkit.Receive(t, failed, "the failure").err, "stopping")
}

// Handlers see the values of RunWorker's context.
func TestWorkerContext(t *testing.T) {
	type key struct{}
	p := site{endpoint: "inproc://" + t.Name()}.pipeline(t, nil, nil)
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "value"))
	got, done := make(chan any, 1), make(chan error, 1)
	go func() {
		done <- RunWorker(ctx, "test.Tasks", func() []TaskHandler {
			return []TaskHandler{HandleTaskOnly(logMethod, func(ctx context.Context, _ *bytez) error {
				got <- ctx.Value(key{})
				return nil
			})}
		}, p.from)
	}()
	if err := p.Push(testkit.Within(t), logMethod, wrapperspb.Bytes(nil)); err != nil {
		t.Error(err)
	}
	if v := testkit.Receive(t, got, "the task"); v != "value" {
		t.Errorf("the context has value %v", v)
	}
	cancel()
	if err := testkit.Receive(t, done, "the end of RunWorker"); err != nil {
		t.Error(err)
	}
}

// A task that fails is reported, and the pipeline goes on.
func TestTaskFailures(t *testing.T) {
	boom := errors.New("boom")
	var nothing *CallInfo
	tests := []struct {
		name  string
		run   square
		part  string
		panic bool
	}{
		{"error", func(context.Context, *number) (*number, error) { return nil, boom }, "boom", false},
		{"panic", func(context.Context, *number) (*number, error) { panic("secret") }, "handler panicked: secret", true},
		{"nil pointer", func(context.Context, *number) (*number, error) { _ = nothing.Method; return nil, nil }, "nil pointer", true},
		{"Goexit", func(context.Context, *number) (*number, error) { runtime.Goexit(); return nil, nil }, "handler ended its goroutine", true},
		{"neither result nor error", func(context.Context, *number) (*number, error) { return nil, nil }, "neither a result nor an error", false},
		{"nil *Error", func(context.Context, *number) (*number, error) { return nil, (*Error)(nil) }, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := site{endpoint: "inproc://" + t.Name()}.pipeline(t, nil, nil)
			failed, report := failures()
			events := newRecorder()
			work(t, squaring(func(ctx context.Context, task *number) (*number, error) {
				if task.GetValue() == 2 {
					return tt.run(ctx, task)
				}
				return squares(ctx, task)
			}), p.from, p.to, report, events.option())
			p.push(t, 3)
			f := testkit.Receive(t, failed, "the report")
			if f.method != squareMethod || f.task.(*number).GetValue() != 2 {
				t.Errorf("the report is of method %v, task %v", f.method, f.task)
			}
			wantText(t, f.err, tt.part)
			e := events.wait(t, EventTaskFailed, 1)
			wantText(t, e.Err, tt.part)
			if e.Procedure != squareMethod.Procedure {
				t.Errorf("the event names method %q", e.Procedure)
			}
			if tt.panic {
				e := events.wait(t, EventPanic, 1)
				if e.Procedure != squareMethod.Procedure || len(e.Stack) == 0 {
					t.Errorf("the event of the panic is %+v", e)
				}
			}
			r := results(t, p.Sink)
			for _, want := range []int64{1, 9} {
				if got := r.next(t).GetValue(); got != want {
					t.Errorf("got result %d, want %d", got, want)
				}
			}
		})
	}
}

func TestResultTooLarge(t *testing.T) {
	grow := &Method{Procedure: "test.Tasks/Grow"}
	p := site{endpoint: "inproc://" + t.Name()}.pipeline(t, nil, nil)
	failed, report := failures()
	work(t, []TaskHandler{HandleTask(grow, func(context.Context, *bytez) (*bytez, error) {
		return wrapperspb.Bytes(make([]byte, small)), nil
	})}, p.from, p.to, report, WithMaxMessageSize(small))
	if err := p.Push(testkit.Within(t), grow, wrapperspb.Bytes(nil)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, testkit.Receive(t, failed, "the report").err, CodeResourceExhausted, "limit of 4096")
}

// What a worker cannot make sense of is reported, and the rest is run.
func TestTaskFrames(t *testing.T) {
	two := encode(t, wrapperspb.Int64(2))
	tests := []struct {
		name   string
		frames []string
		part   string
	}{
		{"one frame", []string{two}, "message has 1 frames"},
		{"four frames", []string{squareMethod.Procedure, two, "", ""}, "message has 4 frames"},
		{"unknown method", []string{"test.Tasks/Nope", two}, `method "test.Tasks/Nope" is not known here`},
		{"method of any bytes", []string{strings.Repeat("\xff", 1000), two}, "is not known here"},
		{"undecodable", []string{squareMethod.Procedure, "\xff"}, "decode google.protobuf.Int64Value of 1 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			endpoint, accept := listenRaw(t, zmtp.Push)
			k := sink(t, Bind("inproc://"+t.Name()))
			events := newRecorder()
			work(t, squaring(squares), From(Connect(endpoint)), To(Connect(k.Addrs()...)), events.option())
			raw := accept()
			raw.send(tt.frames...)
			raw.send(squareMethod.Procedure, two, "a header of the future")
			if got := results(t, k).next(t).GetValue(); got != 4 {
				t.Errorf("got result %d", got)
			}
			wantText(t, events.wait(t, EventMalformed, 1).Err, "task: ", tt.part)
		})
	}
}

func TestWorkerBare(t *testing.T) {
	m := &Method{Procedure: "test.Bare/Square", Bare: true}
	endpoint, accept := listenRaw(t, zmtp.Push)
	end, acceptEnd := listenRaw(t, zmtp.Pull)
	events := newRecorder()
	work(t, []TaskHandler{HandleTask(m, squares)}, From(Connect(endpoint)), To(Connect(end)), events.option())
	raw, rawEnd := accept(), acceptEnd()
	raw.send("too", "many")
	raw.send(encode(t, wrapperspb.Int64(3)))
	if got := rawEnd.recv(); len(got) != 1 || got[0] != encode(t, wrapperspb.Int64(9)) {
		t.Errorf("got %q", got)
	}
	wantText(t, events.wait(t, EventMalformed, 1).Err, "bare message has 2 frames, want 1")
}

// The observer hears of everything until RunWorker returns, of both sockets.
func TestWorkerEvents(t *testing.T) {
	p := site{endpoint: "inproc://" + t.Name()}.pipeline(t, nil, nil)
	events := newRecorder()
	w := work(t, squaring(squares), p.from, p.to, events.option())
	p.push(t, 1)
	p.wantSquares(t, 1)
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	got := make(map[string]int)
	for _, e := range events.all() {
		got[fmt.Sprint(e.SocketType, " ", e.Kind)]++
	}
	for _, want := range []string{"PULL connected", "PULL disconnected", "PUSH connected", "PUSH disconnected"} {
		if got[want] != 1 {
			t.Errorf("the event %q was reported %d times; there were %v", want, got[want], got)
		}
	}
}
