package gozmq

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A sureLine is a pipeline with DeliveryAtLeastOnce whose parts end and come
// again at the same places.
type sureLine struct {
	t     *testing.T
	store memoryStore
	count *count
	tasks string
	sinks []string

	mu   sync.Mutex
	vent *Ventilator
}

// collect runs a sink, and returns where it is and how to end it.
func (l *sureLine) collect(endpoint string) (addr string, end func() error) {
	k, err := NewSink(DeliveryAtLeastOnce, Bind(endpoint), WithLinger(testkit.Patience()))
	if err != nil {
		l.t.Error(err)
		return "", func() error { return nil }
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		for m, err := range Results[number](context.Background(), k, sureMethod) {
			if err != nil {
				l.t.Error(err)
			}
			l.count.add(m.GetValue())
		}
	}()
	return k.Addrs()[0], func() error {
		err := k.Close()
		<-left
		return err
	}
}

// open opens the ventilator; it is not to give anything up.
func (l *sureLine) open(endpoint string) {
	v, err := NewVentilator(DeliveryAtLeastOnce, Bind(endpoint), WithTaskStore(&l.store), WithLinger(testkit.Patience()), WithDeadLetterHandler(func(_ context.Context, d DeadLetter) error {
		l.t.Errorf("a task was given up: %v", d.Reason)
		return nil
	}))
	if err != nil {
		l.t.Error(err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vent = v
}

func (l *sureLine) ventilator() *Ventilator {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.vent
}

// work runs a worker that hands its tasks on, and returns how to end it.
func (l *sureLine) work(r *rand.Rand) (end func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	handlers := surely(func(_ context.Context, task *number) (*number, error) { return task, nil })
	prefetch, concurrency := r.IntN(4), 1+r.IntN(2)
	go func() {
		done <- RunWorker(ctx, "test.Sure", func() []TaskHandler { return handlers }, fast(),
			From(Connect(l.tasks)), To(Connect(l.sinks...)), WithPrefetch(prefetch), WithConcurrency(concurrency), WithLinger(testkit.Patience()))
	}()
	return func() error { cancel(); return <-done }
}

// push pushes the numbers from one to n, to the ventilator of the moment. Each
// may be handed out once only.
func (l *sureLine) push(n int) {
	once := leased(0, 1)
	for i := 0; i < n; {
		switch err := l.ventilator().Push(context.Background(), once, wrapperspb.Int64(int64(i+1))); {
		case err == nil:
			i++
		case CodeOf(err) != CodeCanceled:
			l.t.Error(err)
			return
		default:
			runtime.Gosched() // another one is being opened
		}
	}
}

// With DeliveryAtLeastOnce, no task is lost, and none is given up although it
// may be handed out once only.
func endSure(t *testing.T, s site, r *rand.Rand) {
	const n, turns = 60, 4
	l := &sureLine{t: t, count: newCount()}
	var ends []func() error
	for i := range 2 {
		addr, end := l.collect(s.at(t, fmt.Sprint("sink", i)))
		l.sinks, ends = append(l.sinks, addr), append(ends, end)
	}
	l.open(s.at(t, "tasks"))
	l.tasks = l.vent.Addrs()[0]
	steady, worker := l.work(r), l.work(r)
	var wg sync.WaitGroup
	wg.Go(func() { l.push(n) })
	for _, again := range []func(r *rand.Rand) error{
		func(r *rand.Rand) error { err := worker(); worker = l.work(r); return err },
		func(r *rand.Rand) error {
			i := r.IntN(2)
			err := ends[i]()
			_, ends[i] = l.collect(l.sinks[i])
			return err
		},
		func(*rand.Rand) error { err := l.vent.Close(); l.open(l.tasks); return err },
	} {
		r := own(r)
		wg.Go(func() {
			for range turns {
				loiter(r)
				if err := again(r); err != nil {
					t.Errorf("a part ended with: %v", err)
				}
			}
		})
	}
	wg.Wait()
	waitDone(t, l.vent)
	l.count.want(t, n, 2)
	inRandomOrder(t, r, steady, worker, ends[0], ends[1], l.vent.Close)
}

// With DeliveryAtMostOnce, what was pushed arrives once when every part ends in
// order and no later than what stands behind it.
func endPlain(t *testing.T, s site, r *rand.Rand) {
	const n, turns = 300, 4
	v, err := NewVentilator(Bind(s.at(t, "tasks")), WithLinger(testkit.Patience()))
	if err != nil {
		t.Fatal(err)
	}
	k := sink(t, Bind(s.at(t, "sink")))
	work := func() func() error {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		handlers := squaring(func(_ context.Context, task *number) (*number, error) { return task, nil })
		go func() {
			done <- RunWorker(ctx, "test.Tasks", func() []TaskHandler { return handlers }, From(Connect(v.Addrs()...)), To(Connect(k.Addrs()...)), fast(), WithLinger(testkit.Patience()))
		}()
		return func() error { cancel(); return <-done }
	}
	pushed, all := make(chan struct{}), newCount()
	var wg sync.WaitGroup
	wg.Go(func() { all.take(t, k, n) })
	wg.Go(func() {
		defer close(pushed)
		pushNumbers(t, v, squareMethod, n)
	})
	end := work()
	for range turns {
		loiter(r)
		if err := end(); err != nil {
			t.Errorf("RunWorker: %v", err)
		}
		end = work()
	}
	steady := work()
	<-pushed
	inRandomOrder(t, r, end, v.Close)
	if err := steady(); err != nil {
		t.Errorf("RunWorker: %v", err)
	}
	wg.Wait()
	all.want(t, n, 1)
}
