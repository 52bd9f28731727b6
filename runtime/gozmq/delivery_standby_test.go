package gozmq

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// A standbySite is two ventilators with one store, of which the first owns the
// queue, workers and a sink. Either the workers connect to both ventilators, or
// these connect to both workers.
type standbySite struct {
	t      *testing.T
	store  gozmqstore.Memory
	sink   *Sink
	got    <-chan *number
	status chan BatchStatus
	events [2]*recorder
	vents  [2]*Ventilator

	mu   sync.Mutex
	runs map[int64]int // how often each number was run
	hold chan struct{} // numbers of 100 and more wait for its end
	busy atomic.Int32  // how many of them do

	report func(*TaskInfo) // what these do before; nil: nothing
}

// standbySites runs a test with each set-up.
func standbySites(t *testing.T, test func(*standbySite)) {
	for name, bound := range map[string]bool{"ventilators bind": true, "workers bind": false} {
		t.Run(name, func(t *testing.T) {
			s := &standbySite{t: t, runs: make(map[int64]int), hold: make(chan struct{})}
			s.open(bound)
			test(s)
		})
	}
}

func (s *standbySite) open(bound bool) {
	t := s.t
	status, option := statuses()
	s.status = status
	s.sink = sink(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), option)
	s.got = results2(t, s.sink)
	var at [2]Endpoints
	var workers [2]*runningWorker
	to := To(Connect(s.sink.Addrs()...))
	if !bound {
		for i := range workers {
			workers[i] = work(t, surely(s.run), From(Bind("tcp://127.0.0.1:*")), to, WithConcurrency(4))
		}
		for i := range at {
			at[i] = Connect(workers[0].Addrs()[0], workers[1].Addrs()[0])
		}
	} else {
		at = [2]Endpoints{Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*")}
	}
	for i := range s.vents {
		s.events[i] = newRecorder()
		v, err := NewVentilator(DeliveryAtLeastOnce, at[i], WithTaskStore(&s.store), s.events[i].option(),
			WithLinger(testkit.Patience()), WithReconnectBackoff(time.Millisecond, 10*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.Close() })
		s.vents[i] = v
	}
	if bound {
		for range workers {
			work(t, surely(s.run), From(Connect(s.vents[0].Addrs()[0], s.vents[1].Addrs()[0])), to, WithConcurrency(4),
				WithReconnectBackoff(time.Millisecond, 10*time.Millisecond))
		}
	}
	for _, v := range s.vents {
		if err := v.WaitForWorkers(testkit.Within(t), 2); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *standbySite) run(ctx context.Context, task *number) (*number, error) {
	n := task.GetValue()
	s.mu.Lock()
	s.runs[n]++
	s.mu.Unlock()
	if n >= 100 {
		s.busy.Add(1)
		if s.report != nil {
			s.report(TaskInfoFromContext(ctx))
		}
		<-s.hold
	}
	return squares(ctx, task)
}

func (s *standbySite) push(ctx context.Context, v *Ventilator, numbers ...int64) {
	s.t.Helper()
	for _, n := range numbers {
		if err := v.Push(ctx, sureMethod, wrapperspb.Int64(n)); err != nil {
			s.t.Fatalf("%d: %v", n, err)
		}
	}
}

// wantRuns expects that every number that has run has run once, and how many did.
func (s *standbySite) wantRuns(n int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for number, runs := range s.runs {
		if runs != 1 {
			s.t.Errorf("task %d was run %d times", number, runs)
		}
	}
	if len(s.runs) != n {
		s.t.Errorf("%d tasks were run, want %d", len(s.runs), n)
	}
}

// When the owner closes, the other ventilator takes over at once: workers and the
// sink follow by themselves.
func TestStandbyTakesOver(t *testing.T) {
	standbySites(t, func(s *standbySite) {
		t, within := s.t, testkit.Within(s.t)
		first, second := s.vents[0], s.vents[1]
		s.events[0].wait(t, EventOwner, 1)
		if e := s.events[1].wait(t, EventStandby, 1); e.Err != nil {
			t.Errorf("the event has the error %v", e.Err)
		}
		if first.Progress().Standby || !second.Progress().Standby || second.Progress().String() != "0 done, standing by" {
			t.Errorf("first: %v; second: %v", first.Progress(), second.Progress())
		}
		ctx, cancel := context.WithTimeout(within, 30*time.Millisecond)
		defer cancel()
		wantCode(t, second.Push(ctx, sureMethod, wrapperspb.Int64(1)), CodeDeadlineExceeded, "stands by")
		wantCode(t, second.Wait(ctx), CodeDeadlineExceeded, "stands by")
		s.push(within, first, 1, 2, 3, 100)
		testkit.Eventually(t, "a task that runs", func() bool { return s.busy.Load() == 1 })
		pushed := make(chan error, 1)
		go func() { pushed <- second.Push(within, sureMethod, wrapperspb.Int64(4)) }()
		closed := make(chan error, 1)
		go func() { closed <- first.Close() }()
		close(s.hold)
		if err := testkit.Receive(t, closed, "the end of Close"); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := testkit.Receive(t, pushed, "the end of Push"); err != nil {
			t.Errorf("Push to the ventilator that stood by: %v", err)
		}
		s.events[1].wait(t, EventOwner, 1)
		s.push(within, second, 5, 6)
		if err := second.Wait(within); err != nil {
			t.Error(err)
		}
		for range 7 {
			testkit.Receive(t, s.got, "a result")
		}
		s.wantRuns(7)
		testkit.Eventually(t, "an empty store", func() bool { return len(s.store.Tasks()) == 0 })
	})
}

// When the owner loses the queue, it stands by, and the other one goes on with its
// tasks and its batch. What workers run stays with them, and is run once.
func TestStandbyLost(t *testing.T) {
	standbySites(t, func(s *standbySite) {
		t, within := s.t, testkit.Within(s.t)
		first, second := s.vents[0], s.vents[1]
		b := first.StartBatch("lasting")
		s.push(b.Context(within), first, 1, 2, 100, 101, 102)
		if err := b.End(within); err != nil {
			t.Fatal(err)
		}
		open := first.StartBatch("open")
		s.push(open.Context(within), first, 3)
		testkit.Eventually(t, "tasks that run, and others that the store has forgotten", func() bool {
			return s.busy.Load() == 3 && len(s.store.Tasks()) == 3+2 // and two batches
		})
		s.store.Revoke()
		if e := s.events[0].wait(t, EventStandby, 1); e.Err == nil {
			t.Error("the event of a queue that was lost has no error")
		}
		s.events[1].wait(t, EventOwner, 1)
		wantCode(t, b.Wait(within), CodeUnavailable, "was lost to another ventilator")
		wantCode(t, first.Push(open.Context(canceled(within)), sureMethod, wrapperspb.Int64(9)), CodeCanceled)
		testkit.Eventually(t, "that the new owner knows what runs", func() bool { return second.Progress().InFlight >= 3 })
		s.push(within, second, 4)
		close(s.hold)
		if err := second.Wait(within); err != nil {
			t.Error(err)
		}
		for range 7 {
			testkit.Receive(t, s.got, "a result")
		}
		s.wantRuns(7)
		s.wantBatches()
		if err := second.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		s.events[0].wait(t, EventOwner, 2)
		s.push(within, first, 5)
		if err := first.Wait(within); err != nil {
			t.Error(err)
		}
		if p := first.Progress(); p.Done < 3 || p.Standby {
			t.Errorf("the first ventilator says %v", p)
		}
	})
}

func canceled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

// wantBatches expects that the batch that was ended is complete, and that the other
// one is not.
func (s *standbySite) wantBatches() {
	s.t.Helper()
	var complete, cut bool
	for !complete || !cut {
		word := testkit.Receive(s.t, s.status, "word of the batches")
		switch {
		case word.Name == "lasting" && word.Complete:
			complete = true
			if word.Tasks != 5 || word.Results != 5 || word.Failed != 0 {
				s.t.Errorf("last word: %+v", word)
			}
		case word.Name == "open" && word.Err != nil:
			cut = true
			wantCode(s.t, word.Err, CodeAborted)
		}
	}
}
