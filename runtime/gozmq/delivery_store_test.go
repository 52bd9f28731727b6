package gozmq

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A memoryStore is a store that outlives its ventilator, and can fail.
type memoryStore struct {
	gozmqstore.Memory
	mu   sync.Mutex
	fail error
	// apply, unless it is nil, is called before each Apply.
	apply func()
	// extra is what Load visits besides.
	extra []gozmqstore.Task
}

func (s *memoryStore) Acquire(ctx context.Context, standby func()) (gozmqstore.Session, error) {
	session, err := s.Memory.Acquire(ctx, standby)
	if err != nil {
		return nil, err
	}
	return &memorySession{session, s}, nil
}

type memorySession struct {
	gozmqstore.Session
	store *memoryStore
}

func (s *memorySession) Load(ctx context.Context, visit func(gozmqstore.Task) error) error {
	for _, t := range s.store.extra {
		if err := visit(t); err != nil {
			return err
		}
	}
	return s.Session.Load(ctx, visit)
}

func (s *memorySession) Apply(ctx context.Context, c *gozmqstore.Change) error {
	if s.store.apply != nil {
		s.store.apply()
	}
	s.store.mu.Lock()
	err := s.store.fail
	s.store.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Session.Apply(ctx, c)
}

func (s *memoryStore) setFail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func (s *memoryStore) len() int { return len(s.Tasks()) }

// What one ventilator leaves in its store, the next one hands out: with the same
// ids, and with the attempts that there were.
func TestStoreRestart(t *testing.T) {
	store := new(memoryStore)
	open := func() *Ventilator {
		t.Helper()
		v, err := NewVentilator(DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(store), WithRetryBackoff(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v := open()
	pushNumbers(t, v, leased(time.Hour, 7), 3)
	raw := rawWorker(t, v, 3)
	id, _ := raw.wantTask(sureMethod, 1)
	raw.wantTask(sureMethod, 2)
	raw.wantTask(sureMethod, 3)
	raw.send(string(wire.VerbDone), id)
	wantProgress(t, v.Progress, Progress{InFlight: 2, Done: 1})
	raw.Conn.Close()
	wantProgress(t, v.Progress, Progress{Queued: 2, Done: 1})
	raw = rawWorker(t, v, 1)
	second, attempt := raw.wantTask(sureMethod, 2)
	if attempt != 2 {
		t.Errorf("attempt %d, want 2", attempt)
	}
	raw.Conn.Close()
	wantProgress(t, v.Progress, Progress{Queued: 2, Done: 1, Redelivered: 1})
	if err := v.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if n := store.len(); n != 2 {
		t.Errorf("the store has %d tasks, want 2", n)
	}

	v = open()
	wantProgress(t, v.Progress, Progress{Queued: 2})
	pushNumbers(t, v, sureMethod, 1)
	raw = rawWorker(t, v, 3)
	if again, attempt := raw.wantTask(sureMethod, 2); again != second || attempt != 3 {
		t.Errorf("task %x comes again as %x, attempt %d", second, again, attempt)
	}
	third, _ := raw.wantTask(sureMethod, 3)
	newer, _ := raw.wantTask(sureMethod, 1)
	if newer == id {
		t.Error("a new task has the id of an old one")
	}
	for _, id := range []string{second, third, newer} {
		raw.send(string(wire.VerbDone), id)
	}
	waitDone(t, v)
	if err := v.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if n := store.len(); n != 0 {
		t.Errorf("the store has %d tasks, want none", n)
	}
}

// An attempt that failed counts with the next owner, too, which knows why.
func TestStoreKnowsFailures(t *testing.T) {
	store := new(gozmqstore.Memory)
	open := func() *Ventilator {
		return ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(store), WithRetryBackoff(time.Hour, time.Hour))
	}
	v := open()
	pushNumbers(t, v, sureMethod, 1)
	w := rawWorker(t, v, 1)
	id, _ := w.wantTask(sureMethod, 1)
	w.send(string(wire.VerbFail), id, string(encodeStatus(Errorf(CodeAborted, "not today"), 100)))
	testkit.Eventually(t, "the failure", func() bool { return v.Progress().InFlight == 0 })
	_ = v.Close() // for a task is left
	v = open()
	wantProgress(t, v.Progress, Progress{Queued: 1}) // it may have to wait for the store
	tasks, _, err := v.Tasks(TaskFilter{})
	if err != nil || len(tasks) != 1 || tasks[0].ID != id || tasks[0].Attempts != 1 {
		t.Fatalf("the next owner has %+v, %v", tasks, err)
	}
	wantCode(t, tasks[0].Reason, CodeAborted, "not today")
}

// A task that the store does not take is not taken; what it cannot forget is
// reported, and tried again.
func TestStoreFails(t *testing.T) {
	store, events := new(memoryStore), newRecorder()
	full := errors.New("disk full")
	p := site{endpoint: "inproc://" + t.Name()}.surePipeline(t, []VentilatorOption{WithTaskStore(store), events.option()}, nil)
	var fails atomic.Bool
	work(t, surely(func(ctx context.Context, task *number) (*number, error) {
		if fails.Load() {
			store.setFail(full)
		}
		return squares(ctx, task)
	}), p.from, p.to)
	got := results2(t, p.Sink)
	store.setFail(full)
	wantCode(t, p.Push(testkit.Within(t), sureMethod, wrapperspb.Int64(1)), CodeUnavailable, "disk full")
	store.setFail(nil)
	fails.Store(true)
	p.pushSure(t, sureMethod, 1)
	testkit.Receive(t, got, "the result")
	events.wait(t, EventStoreFailed, 2)
	waitDone(t, p.Ventilator)
	if n := store.len(); n != 1 {
		t.Errorf("the store has %d tasks, want the one that it could not forget", n)
	}
	fails.Store(false)
	store.setFail(nil)
	p.pushSure(t, sureMethod, 1)
	waitDone(t, p.Ventilator)
	testkit.Eventually(t, "an empty store", func() bool { return store.len() == 0 })
}

// Records that make no sense are reported, and the others are done.
func TestStoreDamagedTask(t *testing.T) {
	bad := map[string][]gozmqstore.Task{
		"is damaged":    {{ID: "a", Err: errors.New("task a is damaged")}},
		"has the id":    {{ID: ""}},
		"255 bytes":     {{ID: string(make([]byte, 256))}},
		"twice":         {{ID: "a", Procedure: "p"}, {ID: "a", Procedure: "p"}},
		"has no method": {{ID: "a"}},
		"has none":      {{ID: "a", Status: gozmqstore.Status{State: gozmqstore.StateBatch}}},
	}
	for want, tasks := range bad {
		t.Run(want, func(t *testing.T) {
			events := newRecorder()
			store := &memoryStore{extra: append(tasks, gozmqstore.Task{ID: "b", Procedure: sureMethod.Procedure})}
			v := ventilator(t, DeliveryAtLeastOnce, Bind("inproc://"+t.Name()), WithTaskStore(store), events.option())
			wantText(t, events.wait(t, EventStoreFailed, 1).Err, want)
			wantProgress(t, v.Progress, Progress{Queued: len(tasks)})
		})
	}
}

// A store that cannot be loaded is an error of NewVentilator.
func TestStoreCannotLoad(t *testing.T) {
	_, err := NewVentilator(DeliveryAtLeastOnce, Bind("inproc://"+t.Name()), WithTaskStore(&brokenStore{load: true}))
	wantText(t, err, "load the stored tasks")
}

// A store that hangs stays with the ventilator that has been closed, until its
// last call returns.
func TestStoreHangsInUse(t *testing.T) {
	s, let := stuckStore()
	v, err := NewVentilator(DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(s), WithLinger(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	wantCode(t, v.Push(ctx, sureMethod, wrapperspb.Int64(1)), CodeDeadlineExceeded)
	wantText(t, v.Close(), "store does not answer")
	next := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(s))
	wantProgress(t, next.Progress, Progress{Standby: true})
	close(let)
	testkit.Eventually(t, "that the store is free", func() bool { return !next.Progress().Standby })
}

// A worker that is stuck holds no more tasks than its credit: the others are
// done by someone else.
func TestSureStuckWorkerHoldsLittle(t *testing.T) {
	p := site{endpoint: "tcp://127.0.0.1:*"}.surePipeline(t, nil, nil)
	started, release := make(chan struct{}), make(chan struct{})
	work(t, surely(func(ctx context.Context, task *number) (*number, error) {
		started <- struct{}{}
		<-release
		return squares(ctx, task)
	}), p.from, p.to, WithPrefetch(1))
	p.pushSure(t, sureMethod, 1)
	testkit.Receive(t, started, "the first task")
	work(t, surely(squares), p.from, p.to)
	results2(t, p.Sink)
	if err := p.WaitForWorkers(testkit.Within(t), 2); err != nil {
		t.Fatal(err)
	}
	p.pushSure(t, sureMethod, 499)
	testkit.Eventually(t, "the others", func() bool { return p.Ventilator.Progress().Done >= 498 })
	close(release)
	go func() {
		for range started { // the tasks that it still gets
		}
	}()
	waitDone(t, p.Ventilator)
	close(started)
}
