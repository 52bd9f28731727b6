package soak

import (
	"context"
	"flag"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

var sureTasks = flag.Int("soak.tasks", 10_000, "how many tasks TestSureNoneIsLost pushes")

// Four worker processes, one of which is killed every second, and connections
// that break several times in a second: every task is done and each result
// comes once. How many tasks were done more than once is logged.
func TestSureNoneIsLost(t *testing.T) {
	random := newRand(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*testkit.Patience())
	defer cancel()
	l := newSureLine(t, nil, nil)
	l.collect()
	children := make([]*child, 4)
	for i := range children {
		children[i] = l.child(nil)
		children[i].start()
	}
	breaking, healed := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { // one kill in a second
		kill, cut := time.NewTicker(time.Second), time.NewTicker(150*time.Millisecond)
		defer kill.Stop()
		defer cut.Stop()
		for {
			select {
			case <-kill.C:
				c := children[random.IntN(len(children))]
				c.kill()
				c.start()
			case <-cut.C:
				p := []*gozmqtest.Proxy{l.from, l.to}[random.IntN(2)]
				p.Cut(gozmqtest.Direction(random.IntN(2)), random.IntN(500))
			case <-breaking.Done():
				return
			}
		}
	})
	l.push(ctx, *sureTasks)
	for l.results.len() < int64(*sureTasks)*9/10 && ctx.Err() == nil {
		<-time.After(10 * time.Millisecond)
	}
	healed()
	wg.Wait()
	l.from.Heal()
	l.to.Heal()
	kills := 0
	for _, c := range children {
		kills += c.kills
	}
	t.Logf("%d workers killed; %d and %d connections", kills, l.from.Connections(), l.to.Connections())
	must(t, l.vent.Wait(ctx))
	for _, c := range children {
		c.stop()
	}
	l.account(ctx, 0)
	if kills == 0 || l.vent.Progress().Redelivered == 0 {
		t.Errorf("%d workers were killed, and %d tasks handed out again: that tests nothing", kills, l.vent.Progress().Redelivered)
	}
}

// A task that ends the process of every worker that gets it is given up, and
// the others are done.
func TestSurePoison(t *testing.T) {
	ctx := testkit.Within(t)
	dead := make(chan gozmq.DeadLetter, 1)
	l := newSureLine(t, []gozmq.VentilatorOption{gozmq.WithDeadLetterHandler(func(_ context.Context, d gozmq.DeadLetter) error { dead <- d; return nil })}, nil)
	l.collect()
	died := make(chan struct{}, 10)
	c := l.child(func(_, value string) {
		if value == "-13" {
			died <- struct{}{}
		}
	})
	c.start()
	method := *sureMethod
	method.MaxAttempts = 3
	l.push(ctx, 20)
	must(t, gozmqimpl.Push(ctx, l.vent, &method, wrapperspb.Int64(poison)))
	l.push(ctx, 20)
	// A worker that dies at once may take the word that it has begun the task with
	// it. Then another task is suspected, and the poison has one more worker.
	d, deaths := gozmq.DeadLetter{}, 0
	for d.Attempts == 0 {
		select {
		case d = <-dead:
		case <-died:
			deaths++
			c.wait()
			c.start()
		case <-ctx.Done():
			t.Fatalf("no dead letter after %d workers", deaths)
		}
	}
	if most := 2 * method.MaxAttempts; deaths > most {
		t.Errorf("the task has ended %d workers, want at most %d", deaths, most)
	}
	if d.Attempts != 3 || gozmq.CodeOf(d.Reason) != gozmq.CodeUnavailable {
		t.Errorf("the dead letter says %d attempts, %v", d.Attempts, d.Reason)
	}
	must(t, l.vent.Wait(ctx))
	c.stop()
	l.account(ctx, 1)
}

// A worker whose connection stands still is found out, and its tasks go to
// others.
func TestSureWorkerStalls(t *testing.T) {
	ctx := testkit.Within(t)
	l := newSureLine(t, nil, nil)
	l.collect()
	began, release := make(chan struct{}, 10), make(chan struct{})
	gozmqtest.Run(t, func(ctx context.Context) error {
		return runSureWorker(ctx, func(_ context.Context, n *number) (*number, error) {
			l.ran(n.GetValue())
			began <- struct{}{}
			<-release
			return n, nil
		}, l.from.Endpoint(), l.to.Endpoint())
	})
	l.push(ctx, 2)
	testkit.Receive(t, began, "the task that is stuck")
	l.from.Stall()
	l.work(l.vent.Addrs()[0], l.sink.Addrs()[0])
	l.push(ctx, 98)
	must(t, l.vent.Wait(ctx))
	close(release)
	l.account(ctx, 0)
	l.from.Resume()
}

// While a sink does not come on, workers and in the end the ventilator wait;
// when its program ends, another one gets what it was at.
func TestSureSinkStalls(t *testing.T) {
	ctx := testkit.Within(t)
	l := newSureLine(t, []gozmq.VentilatorOption{gozmq.WithTaskQueue(50, 1<<20)}, []gozmq.SinkOption{gozmq.WithReceiveQueue(1, 1<<20)})
	for range 2 {
		l.work(l.from.Endpoint(), l.to.Endpoint(), gozmq.WithConcurrency(3))
	}
	l.push(ctx, 50)
	waiting, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	err := gozmqimpl.Push(waiting, l.vent, sureMethod, wrapperspb.Int64(51))
	stop()
	if gozmq.CodeOf(err) != gozmq.CodeDeadlineExceeded {
		t.Errorf("Push to a pipeline that stands: %v", err)
	}
	if p := l.vent.Progress(); p.Done > 0 {
		t.Errorf("nobody has taken a result, and the ventilator counts %v", p)
	}
	for n, err := range gozmqimpl.Results[number](ctx, l.sink, sureMethod) {
		must(t, err)
		if n.GetValue() < 1 || n.GetValue() > 50 {
			t.Errorf("the result of task %d", n.GetValue())
		}
		break // the program ends in the middle of it
	}
	l.to.Reset()
	l.collect()
	l.push(ctx, 50)
	l.account(ctx, 0)
}

// Workers come and go while a batch runs; the sink learns when it is complete.
func TestSureBatchWithChangingWorkers(t *testing.T) {
	random := newRand(t)
	ctx := testkit.Within(t)
	const tasks = 2000
	status := make(chan gozmq.BatchStatus, 2)
	l := newSureLine(t, nil, []gozmq.SinkOption{gozmq.WithBatchHandler(func(s gozmq.BatchStatus) { status <- s })})
	l.collect()
	batch := l.vent.StartBatch("changing")
	var wg sync.WaitGroup
	wg.Go(func() {
		l.push(batch.Context(ctx), tasks)
		if err := batch.End(ctx); err != nil {
			t.Error(err)
		}
	})
	stops := []func(){l.work(l.from.Endpoint(), l.to.Endpoint())}
	for i := 1; i < 15; i++ {
		for l.results.len() < int64(tasks*i/20) && ctx.Err() == nil {
			<-time.After(time.Millisecond)
		}
		if len(stops) > 1 && random.IntN(2) == 0 {
			stops[0]()
			stops = stops[1:]
		}
		stops = append(stops, l.work(l.from.Endpoint(), l.to.Endpoint()))
	}
	wg.Wait()
	must(t, batch.Wait(ctx))
	if s := testkit.Receive(t, status, "word of the end"); s.Name != "changing" || s.Tasks != tasks || s.Complete {
		t.Errorf("first word: %+v", s)
	}
	if s := testkit.Receive(t, status, "word of the completion"); s.Tasks != tasks || !s.Complete || s.Results != tasks || s.Failed != 0 {
		t.Errorf("last word: %+v", s)
	}
	l.account(ctx, 0)
	must(t, l.vent.StopWorkers(ctx))
}
