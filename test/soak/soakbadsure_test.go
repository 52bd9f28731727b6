package soak

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

var badSureMethod = &gozmq.Method{Procedure: "soak.BadSure/Text", Delivery: gozmq.DeliveryAtLeastOnce}

// A badSureLine is a pipeline with DeliveryAtLeastOnce. Good tasks go through it,
// and beside them tasks and results that are too large. Push refuses each of these,
// or it becomes a dead letter.
type badSureLine struct {
	t            testing.TB
	vent         *gozmq.Ventilator
	worker, sink *recorder
	results      *numberLog
	pushed       int64    // good tasks
	tooLarge     [2]int64 // tasks, results
	refused      int64    // by Push
	dead         badCount
}

// newBadSureLine opens a ventilator, a worker that takes no large tasks, and a sink
// that takes no large results. The first large task is in the queue before there is
// a worker, so that Push cannot refuse it.
func newBadSureLine(t testing.TB) *badSureLine {
	l := &badSureLine{t: t, worker: newRecorder(), sink: newRecorder(), results: newNumberLog()}
	l.vent = gozmqtest.Open(gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind(anyPort),
		gozmq.WithRetryBackoff(time.Millisecond, 10*time.Millisecond), gozmq.WithDeadLetterHandler(l.bury))).For(t)
	sink := gozmqtest.Open(gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind(anyPort),
		gozmq.WithMaxMessageSize(badSinkLimit), l.sink.option())).For(t)
	gozmqtest.Run(t, func(ctx context.Context) error {
		for m, err := range gozmqimpl.Results[text](ctx, sink, badSureMethod) {
			if err != nil {
				return err
			}
			l.results.add(numberIn(t, m))
		}
		return nil
	})
	l.tooLarge[0]++
	l.push(numbered(0, badSize))
	if l.refused > 0 {
		t.Error("a large task was refused although there is no worker")
	}
	w, err := gozmqimpl.NewWorker("soak.BadSure", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTask(badSureMethod, doBadTask)}
	}, []gozmq.WorkerOption{
		gozmq.From(gozmq.Connect(l.vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...)),
		gozmq.WithMaxMessageSize(badLimit), l.worker.option(),
	})
	gozmqtest.Run(t, func(ctx context.Context) error { return gozmqimpl.RunWorker(ctx, w, err) })
	return l
}

// bury counts a dead letter, of which each is too large.
func (l *badSureLine) bury(_ context.Context, d gozmq.DeadLetter) error {
	if gozmq.CodeOf(d.Reason) != gozmq.CodeResourceExhausted {
		l.t.Errorf("a task was given up with %v", d.Reason)
	}
	l.dead.add()
	return nil
}

func (l *badSureLine) push(m *text) {
	switch err := gozmqimpl.Push(testkit.Within(l.t), l.vent, badSureMethod, m); {
	case err == nil:
	case gozmq.CodeOf(err) == gozmq.CodeResourceExhausted && len(m.GetValue()) > badLimit:
		l.refused++
	default:
		l.t.Errorf("push at least once: %v", err)
	}
}

func (l *badSureLine) good() {
	l.pushed++
	l.push(numbered(l.pushed, 10))
}

// bad pushes a task that is too large, and one whose result is.
func (l *badSureLine) bad() {
	l.tooLarge[0]++
	l.push(numbered(0, badSize))
	l.tooLarge[1]++
	l.push(wrapperspb.String("0 result"))
}

// recovered waits until each task is done or a dead letter.
func (l *badSureLine) recovered() {
	must(l.t, l.vent.Wait(testkit.Within(l.t)))
	l.results.waitFor(l.t, l.pushed)
}

func (l *badSureLine) report() {
	t := l.t
	t.Logf("at least once, too large: %d tasks, %d results; %d refused, %d dead letters; ventilator: %v",
		l.tooLarge[0], l.tooLarge[1], l.refused, l.dead.get(), l.vent.Progress())
	if a := l.results.account(t, l.pushed).wantWhole(t); a.lost > 0 {
		t.Errorf("%d tasks are lost", a.lost)
	}
	dead := l.tooLarge[0] + l.tooLarge[1] - l.refused
	if l.dead.get() != dead || l.refused == 0 || l.tooLarge[1] == 0 {
		t.Errorf("%d dead letters, want %d", l.dead.get(), dead)
	}
	p := l.vent.Progress()
	if p.Done != uint64(l.pushed) || p.Failed != uint64(dead) || p.Queued+p.InFlight > 0 {
		t.Errorf("the ventilator counts %v, want %d done and %d failed", p, l.pushed, dead)
	}
	for name, r := range map[string]*recorder{"worker": l.worker, "sink": l.sink} {
		if n := r.count(gozmq.EventDisconnected); n > 0 {
			t.Errorf("%s at least once: %d connections have ended", name, n)
		}
	}
}
