package gozmq

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Ventilator, three workers, sink: each task is run, by all workers, and each
// result comes once.
func TestSurePipeline(t *testing.T) {
	const tasks, workers = 3000, 3
	overEach(t, func(t *testing.T, s site) {
		p := s.surePipeline(t, nil, nil)
		var runs [workers]atomic.Int64
		var started [workers]*runningWorker
		for i := range workers {
			started[i] = work(t, surely(func(ctx context.Context, task *number) (*number, error) {
				runs[i].Add(1)
				return squares(ctx, task)
			}), p.from, p.to, WithConcurrency(2))
		}
		if err := p.WaitForWorkers(testkit.Within(t), workers); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { p.pushSure(t, sureMethod, tasks) })
		p.wantSureSquares(t, tasks)
		wg.Wait()
		waitDone(t, p.Ventilator)
		sum := uint64(0)
		for i := range runs {
			n := started[i].Progress().Done
			sum += n
			if n == 0 || n != uint64(runs[i].Load()) {
				t.Errorf("worker %d ran %d and counts %d", i, runs[i].Load(), n)
			}
		}
		if sum != tasks || p.Sent() != tasks {
			t.Errorf("%d tasks were sent, %d were run, want %d", p.Sent(), sum, tasks)
		}
		wantProgress(t, p.Ventilator.Progress, Progress{Done: tasks})
		wantProgress(t, p.Sink.Progress, Progress{Done: tasks})
	})
}

// Workers may bind, and take from several ventilators and give to several sinks.
func TestSureWorkerBinds(t *testing.T) {
	const each = 50
	tasks, res := closedPort(t), closedPort(t)
	work(t, surely(squares), From(Bind(tasks)), To(Bind(res)))
	var seen sync.Map
	var count atomic.Int64
	for range 2 {
		k := sink(t, DeliveryAtLeastOnce, Connect(res), fast())
		follow(t, func(ctx context.Context) seq[*number] {
			return func(yield func(*number, error) bool) {
				for m, err := range Results[number](ctx, k, sureMethod) {
					seen.Store(m.GetValue(), true)
					count.Add(1)
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for range 2 {
		v := ventilator(t, DeliveryAtLeastOnce, Connect(tasks), fast())
		pushNumbers(t, v, sureMethod, each)
		waitDone(t, v)
	}
	if n := count.Load(); n != 2*each {
		t.Errorf("%d results came, want %d", n, 2*each)
	}
}

// A task whose handler fails is tried again, after a pause, until it is given
// up; the others go on.
func TestSureFailures(t *testing.T) {
	boom := errors.New("boom")
	var nothing *CallInfo
	tests := []struct {
		name     string
		run      square
		attempts int
		code     Code
		part     string
	}{
		{"error", func(context.Context, *number) (*number, error) { return nil, boom }, 3, CodeUnknown, "boom"},
		{"code", func(context.Context, *number) (*number, error) { return nil, Errorf(CodeNotFound, "none") }, 3, CodeNotFound, "none"},
		{"given up", func(context.Context, *number) (*number, error) { return nil, Permanent(boom) }, 1, CodeUnknown, "boom"},
		{"given up with a code", func(context.Context, *number) (*number, error) { return nil, Permanent(Errorf(CodeNotFound, "none")) }, 1, CodeNotFound, "none"},
		{"panic", func(context.Context, *number) (*number, error) { panic("secret") }, 3, CodeUnknown, "handler panicked"},
		{"nil pointer", func(context.Context, *number) (*number, error) { _ = nothing.Method; return nil, nil }, 3, CodeUnknown, "nil pointer"},
		{"Goexit", func(context.Context, *number) (*number, error) { runtime.Goexit(); return nil, nil }, 3, CodeUnknown, "ended its goroutine"},
		{"neither result nor error", func(context.Context, *number) (*number, error) { return nil, nil }, 3, CodeUnknown, "neither a result nor an error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dead, option := letters()
			events := newRecorder()
			p := site{endpoint: "inproc://" + t.Name()}.surePipeline(t,
				[]VentilatorOption{option, WithRetryBackoff(time.Millisecond, time.Millisecond), events.option()}, nil)
			failed, report := failures()
			work(t, surely(func(ctx context.Context, task *number) (*number, error) {
				if task.GetValue() == 2 {
					return tt.run(ctx, task)
				}
				return squares(ctx, task)
			}), p.from, p.to, report)
			got := results2(t, p.Sink)
			m := leased(0, 3)
			p.pushSure(t, m, 3)
			wantLetter(t, dead, 2, tt.attempts, tt.code, tt.part)
			for range tt.attempts {
				wantText(t, testkit.Receive(t, failed, "the report").err, tt.part)
			}
			waitDone(t, p.Ventilator)
			if sum := testkit.Receive(t, got, "a result").GetValue() + testkit.Receive(t, got, "a result").GetValue(); sum != 1+9 {
				t.Errorf("the results' sum is %d", sum)
			}
			if e := events.wait(t, EventTaskDead, 1); e.Procedure != m.Procedure || e.Count != tt.attempts {
				t.Errorf("the event is %+v", e)
			}
			wantProgress(t, p.Ventilator.Progress, Progress{Done: 2, Failed: 1, Redelivered: uint64(tt.attempts - 1)})
		})
	}
}

// results2 takes the results of sureMethod until the test ends.
func results2(t testing.TB, s *Sink) <-chan *number {
	ch := make(chan *number, 10000)
	follow(t, func(ctx context.Context) seq[*number] {
		return func(yield func(*number, error) bool) {
			for m, err := range Results[number](ctx, s, sureMethod) {
				if err != nil {
					t.Error(err)
				}
				ch <- m
			}
		}
	})
	return ch
}

// A worker that goes, or stops reading, leaves its tasks to others, also those
// that it had only been sent.
func TestSureWorkerLost(t *testing.T) {
	p := site{endpoint: "tcp://127.0.0.1:*"}.surePipeline(t, []VentilatorOption{WithRetryBackoff(0, 0)}, nil)
	p.pushSure(t, sureMethod, 5)
	raw := rawWorker(t, p.Ventilator, 3)
	first, attempt := raw.wantTask(sureMethod, 1)
	if attempt != 1 {
		t.Errorf("attempt %d, want 1", attempt)
	}
	raw.wantTask(sureMethod, 2)
	raw.wantTask(sureMethod, 3)
	wantProgress(t, p.Ventilator.Progress, Progress{Queued: 2, InFlight: 3})
	raw.Conn.Close()
	wantProgress(t, p.Ventilator.Progress, Progress{Queued: 5})
	other := rawWorker(t, p.Ventilator, 1)
	id, attempt := other.wantTask(sureMethod, 1)
	if id != first || attempt != 2 {
		t.Errorf("task %x comes again as %x, attempt %d", first, id, attempt)
	}
	other.send(string(wire.VerbReturn), id)
	if id, attempt := other.wantTask(sureMethod, 1); id != first || attempt != 2 {
		t.Errorf("task %x comes back as %x, attempt %d", first, id, attempt)
	}
	other.Conn.Close()
	work(t, surely(squares), p.from, p.to)
	p.wantSureSquares(t, 5)
	waitDone(t, p.Ventilator)
}

// A worker that holds a task for too long loses it; what it says later counts.
func TestSureLeaseExpires(t *testing.T) {
	events := newRecorder()
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), events.option())
	m := leased(100*time.Millisecond, 1000)
	slow := rawWorker(t, v, 5)
	pushNumbers(t, v, m, 1)
	id, _ := slow.wantTask(m, 1)
	if e := events.wait(t, EventLeaseExpired, 1); e.Procedure != m.Procedure {
		t.Errorf("the event is %+v", e)
	}
	other := rawWorker(t, v, 5)
	if again, attempt := other.wantTask(m, 1); again != id || attempt < 2 {
		t.Errorf("task %x comes again as %x, attempt %d", id, again, attempt)
	}
	slow.send(string(wire.VerbDone), id)
	waitDone(t, v)
	other.send(string(wire.VerbDone), id) // no error, although nothing is left of it
	other.Conn.Close()
	events.wait(t, EventDisconnected, 1)
	pushNumbers(t, v, sureMethod, 1)
	next, _ := slow.wantTask(sureMethod, 1)
	for next == id { // its second lease may have ended, too, before the end was told
		next, _ = slow.wantTask(sureMethod, 1)
	}
	slow.send(string(wire.VerbDone), next)
	waitDone(t, v)
	if slices.Contains(events.kinds(), EventMalformed) {
		t.Error("a late answer was taken for malformed")
	}
	p, expired := v.Progress(), uint64(events.count(EventLeaseExpired))
	if p.Done != 2 || p.Redelivered < 1 || p.Redelivered > expired {
		t.Errorf("%v, with %d leases that have expired", p, expired)
	}
}

// A task that each worker holds for too long is given up in the end.
func TestSureLeaseGivenUp(t *testing.T) {
	dead, option := letters()
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), option)
	for range 2 {
		rawWorker(t, v, 5)
	}
	pushNumbers(t, v, leased(20*time.Millisecond, 2), 1)
	wantLetter(t, dead, 1, 2, CodeUnavailable, "lease has expired")
	wantProgress(t, v.Progress, Progress{Failed: 1, Redelivered: 1})
}

// A handler that runs for longer than the lease keeps its task, until its own
// time is over.
func TestSureLeaseExtended(t *testing.T) {
	endpoint, accept := listenRaw(t, zmtp.Router)
	const limit = 500 * time.Millisecond
	work(t, []TaskHandler{HandleTaskOnly(sureLog, func(ctx context.Context, _ *bytez) error {
		<-ctx.Done()
		<-time.After(limit) // it does not heed its context
		return ctx.Err()
	})}, From(Connect(endpoint)), WithTaskTimeout(limit), WithPrefetch(1))
	raw := accept()
	if got := raw.recv(); got[0] != string(wire.VerbCredit) || got[1] != "2" {
		t.Fatalf("got %q, want a credit of 2", got)
	}
	header := string(wire.AppendTaskHeader(nil, testHeader(1, 60*time.Millisecond)))
	raw.send(string(wire.VerbTask), "runs", sureLog.Procedure, "", header)
	raw.send(string(wire.VerbTask), "waits", sureLog.Procedure, "", header)
	extended, returned, failed := 0, false, false
	for !failed {
		switch got := raw.recv(); {
		case got[0] == string(wire.VerbExtend) && got[1] == "runs":
			extended++
		case got[0] == string(wire.VerbReturn) && got[1] == "waits":
			returned = true
		case got[0] == string(wire.VerbFail) && got[1] == "runs":
			failed = true
		default:
			t.Fatalf("got %q", got)
		}
	}
	if most := int(limit/(20*time.Millisecond)) + 5; extended < 1 || extended > most || !returned {
		t.Errorf("the lease was extended %d times, want 1 to %d; the task that waited was given back: %v", extended, most, returned)
	}
}

// Push waits while the queue is full; its context ends that.
func TestSureBackPressure(t *testing.T) {
	for name, option := range map[string]VentilatorOption{"tasks": WithTaskQueue(10, 1<<20), "bytes": WithTaskQueue(1000, 10<<10)} {
		t.Run(name, func(t *testing.T) {
			p := site{endpoint: "inproc://" + t.Name()}.surePipeline(t, []VentilatorOption{option}, nil)
			push := func(limit time.Duration) error {
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				defer cancel()
				return p.Push(ctx, sureLog, wrapperspb.Bytes(make([]byte, 700)))
			}
			sent := 0
			for ; sent < 10; sent++ {
				if err := push(testkit.Patience()); err != nil {
					t.Fatalf("task %d: %v", sent+1, err)
				}
			}
			err := push(20 * time.Millisecond)
			for ; err == nil; sent++ {
				err = push(20 * time.Millisecond)
			}
			wantCode(t, err, CodeDeadlineExceeded, sureLog.Procedure)
			if sent != 10 && name == "tasks" || sent > 15 {
				t.Errorf("%d tasks were taken", sent)
			}
			done := make(chan error, 1)
			go func() { done <- push(testkit.Patience()) }()
			work(t, []TaskHandler{HandleTaskOnly(sureLog, func(context.Context, *bytez) error { return nil })}, p.from)
			if err := testkit.Receive(t, done, "the end of Push"); err != nil {
				t.Error(err)
			}
			waitDone(t, p.Ventilator)
			wantProgress(t, p.Ventilator.Progress, Progress{Done: uint64(sent + 1)})
		})
	}
}

// What makes no sense is reported, and the pipeline goes on.
func TestSureVentilatorBadInput(t *testing.T) {
	events := newRecorder()
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), events.option())
	pushNumbers(t, v, sureMethod, 1)
	good := rawWorker(t, v, 1)
	id, _ := good.wantTask(sureMethod, 1)
	bad := dialRaw(t, v.Addrs()[0], zmtp.Dealer)
	inputs := [][]string{
		{""}, {"DONE"}, {"CREDIT"}, {"NONSENSE", "x"}, {"TASK", "x"},
		{"CREDIT", "-1"}, {"CREDIT", "65537"}, {"CREDIT", "99999999999999999999"}, {"CREDIT", "one"}, {"CREDIT", ""},
		{"DONE", "unknown"}, {"DONE", id}, {"FAIL", id, "x"}, {"REJECT", id}, {"RETURN", id}, {"EXTEND", id},
		{"DONE", string(make([]byte, 256))}, {"FAIL", "unknown", "\xff\xff", "", ""},
	}
	for _, in := range inputs {
		bad.send(in...)
	}
	events.wait(t, EventMalformed, len(inputs))
	bad.send("CREDIT", "1", "and what will come later")
	pushNumbers(t, v, sureMethod, 1)
	next, _ := bad.wantTask(sureMethod, 1)
	bad.send(string(wire.VerbFail), next, "\xff\xff") // a status that cannot be decoded is a reason too
	if again, attempt := bad.wantTask(sureMethod, 1); again != next || attempt != 2 {
		t.Errorf("task %x comes again as %x, attempt %d", next, again, attempt)
	}
	bad.send(string(wire.VerbDone), next)
	good.send(string(wire.VerbDone), id)
	waitDone(t, v)
	malformed := 0
	for _, kind := range events.kinds() {
		if kind == EventMalformed {
			malformed++
		}
	}
	if malformed != len(inputs) {
		t.Errorf("%d messages were taken for malformed, want %d", malformed, len(inputs))
	}
}
