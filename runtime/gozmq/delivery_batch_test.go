package gozmq

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
)

// statuses collects what WithBatchHandler is told.
func statuses() (chan BatchStatus, SinkOption) {
	ch := make(chan BatchStatus, 100)
	return ch, WithBatchHandler(func(s BatchStatus) { ch <- s })
}

// The sink learns how many results to expect and when that is all, with what
// failed; tasks of another batch, and of none, are not counted.
func TestBatch(t *testing.T) {
	status, option := statuses()
	dead, lettersOption := letters()
	p := site{endpoint: "inproc://" + t.Name()}.surePipeline(t,
		[]VentilatorOption{WithRetryBackoff(0, 0), lettersOption}, []SinkOption{option})
	for range 2 {
		work(t, surely(func(ctx context.Context, task *number) (*number, error) {
			if n := task.GetValue(); n < 0 {
				return nil, Permanent(Errorf(CodeOutOfRange, "%d is negative", n))
			}
			return squares(ctx, task)
		}), p.from, p.to)
	}
	results2(t, p.Sink)
	ctx := testkit.Within(t)
	one, other := p.StartBatch("one"), p.StartBatch("other")
	for n := range int64(100) {
		task := wrapperspb.Int64(n - 3)
		if err := errors.Join(p.Push(one.Context(ctx), sureMethod, task), p.Push(ctx, sureMethod, wrapperspb.Int64(1))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(p.Push(other.Context(ctx), sureMethod, wrapperspb.Int64(1)), one.End(ctx), one.End(ctx), one.Wait(ctx)); err != nil {
		t.Fatal(err)
	}
	if s := testkit.Receive(t, status, "word of the end"); s.Name != "one" || s.Tasks != 100 || s.Complete {
		t.Errorf("first word: %+v", s)
	}
	s := testkit.Receive(t, status, "word of the completion")
	if s.Name != "one" || s.Tasks != 100 || s.Results != 97 || !s.Complete || s.Failed != 3 || len(s.Failures) != 3 {
		t.Errorf("last word: %+v", s)
	}
	var texts []string
	for _, f := range s.Failures {
		wantCode(t, f.Reason, CodeOutOfRange)
		texts = append(texts, f.Reason.(*Error).Message)
		if f.Procedure != sureMethod.Procedure || f.Attempts != 1 || len(f.ID) != 16 {
			t.Errorf("failure %+v", f)
		}
	}
	slices.Sort(texts)
	if want := []string{"-1 is negative", "-2 is negative", "-3 is negative"}; !slices.Equal(texts, want) {
		t.Errorf("failures %q, want %q", texts, want)
	}
	if d := testkit.Receive(t, dead, "a dead letter"); d.Batch != "one" {
		t.Errorf("the dead letter is of batch %q", d.Batch)
	}
	wantCode(t, p.Push(one.Context(ctx), sureMethod, wrapperspb.Int64(1)), CodeFailedPrecondition, "has ended")
	v := ventilator(t, DeliveryAtLeastOnce, Bind("inproc://"+t.Name()+"/another"))
	wantCode(t, v.Push(other.Context(ctx), sureMethod, wrapperspb.Int64(1)), CodeFailedPrecondition, "another ventilator")

	short, stop := context.WithTimeout(ctx, 20*time.Millisecond)
	defer stop()
	wantCode(t, other.Wait(short), CodeDeadlineExceeded, "batch other")
	empty := p.StartBatch("empty")
	if err := errors.Join(other.End(ctx), other.Wait(ctx), empty.End(ctx), empty.Wait(ctx)); err != nil {
		t.Error(err)
	}
}

// A task that could not be pushed does not belong to its batch.
func TestBatchPushFails(t *testing.T) {
	status, option := statuses()
	p := site{endpoint: "inproc://" + t.Name()}.surePipeline(t, []VentilatorOption{WithTaskQueue(1, 1<<20)}, []SinkOption{option})
	ctx := testkit.Within(t)
	b := p.StartBatch("b")
	if err := p.Push(b.Context(ctx), sureMethod, wrapperspb.Int64(1)); err != nil {
		t.Fatal(err)
	}
	short, stop := context.WithTimeout(ctx, 10*time.Millisecond)
	defer stop()
	wantCode(t, p.Push(b.Context(short), sureMethod, wrapperspb.Int64(2)), CodeDeadlineExceeded)
	if err := b.End(ctx); err != nil {
		t.Fatal(err)
	}
	results2(t, p.Sink)
	work(t, surely(squares), p.from, p.to)
	if err := b.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, status, "word of the end")
	if s := testkit.Receive(t, status, "word of the completion"); s.Tasks != 1 || s.Results != 1 || !s.Complete {
		t.Errorf("last word: %+v", s)
	}
}

// A sink that closes while the application is being told that a batch is
// complete acknowledges that nevertheless: nobody else would.
func TestBatchCompleteAsSinkCloses(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		told, release := make(chan struct{}), make(chan struct{})
		p := s.surePipeline(t, nil, []SinkOption{WithBatchHandler(func(s BatchStatus) {
			if s.Complete {
				close(told)
				<-release
			}
		})})
		work(t, surely(squares), p.from, p.to)
		b := p.StartBatch("last")
		if err := b.End(testkit.Within(t)); err != nil {
			t.Fatal(err)
		}
		testkit.Receive(t, told, "word of the completion")
		closed := make(chan error, 1)
		go func() { closed <- p.Sink.Close() }()
		ends(t, p.Sink)
		for range 100 { // what Close does not wait for had better happen now
			runtime.Gosched()
		}
		close(release)
		if err := b.Wait(testkit.Within(t)); err != nil {
			t.Error(err)
		}
		if err := testkit.Receive(t, closed, "the end of Close"); err != nil {
			t.Error(err)
		}
	})
}

// With DeliveryAtMostOnce a batch is complete when its results have come.
func TestBatchAtMostOnce(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		status, option := statuses()
		p := s.pipeline(t, nil, []SinkOption{option})
		for range 2 {
			work(t, squaring(squares), p.from, p.to)
		}
		results(t, p.Sink)
		ctx := testkit.Within(t)
		b := p.StartBatch("plain")
		for n := range int64(100) {
			if err := errors.Join(p.Push(b.Context(ctx), squareMethod, wrapperspb.Int64(n)), p.Push(ctx, squareMethod, wrapperspb.Int64(n))); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.End(ctx); err != nil {
			t.Fatal(err)
		}
		if s := testkit.Receive(t, status, "word of the end"); s.Name != "plain" || s.Tasks != 100 || s.Complete {
			t.Errorf("first word: %+v", s)
		}
		if s := testkit.Receive(t, status, "word of the completion"); s.Tasks != 100 || s.Results != 100 || !s.Complete {
			t.Errorf("last word: %+v", s)
		}
		wantCode(t, p.Push(b.Context(ctx), squareMethod, wrapperspb.Int64(1)), CodeFailedPrecondition, "has ended")
		wantCode(t, b.Wait(ctx), CodeFailedPrecondition, "with DeliveryAtMostOnce a ventilator does not learn the outcome")
	})
}

// With DeliveryAtMostOnce, too, workers stop on request, and do the tasks that
// they have.
func TestStopWorkersAtMostOnce(t *testing.T) {
	p := site{endpoint: "tcp://127.0.0.1:*"}.pipeline(t, nil, nil)
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			ended <- RunWorker(context.Background(), "test.Tasks", func() []TaskHandler { return squaring(squares) }, p.from, p.to)
		}()
	}
	if err := p.WaitForWorkers(testkit.Within(t), 2); err != nil {
		t.Fatal(err)
	}
	p.push(t, 100)
	if err := errors.Join(p.Ventilator.Wait(testkit.Within(t)), p.StopWorkers(testkit.Within(t))); err != nil {
		t.Fatal(err)
	}
	p.wantSquares(t, 100)
	for range 2 {
		if err := testkit.Receive(t, ended, "the end of a worker"); err != nil {
			t.Error(err)
		}
	}
	wantProgress(t, p.Ventilator.Progress, Progress{Done: 100})
}

// End does not wait longer than its context for a task of the batch that finds
// no worker, and the batch goes on then.
func TestBatchEndWithTaskOnItsWay(t *testing.T) {
	p := site{endpoint: "inproc://" + t.Name()}.pipeline(t, nil, nil)
	ctx := testkit.Within(t)
	b := p.StartBatch("b")
	tasks := b.tasks.(*pipeline.PlainBatch)
	pushed := make(chan error, 1)
	go func() { pushed <- p.Push(b.Context(ctx), squareMethod, wrapperspb.Int64(1)) }()
	testkit.Eventually(t, "that the task waits", func() bool {
		_, pushing, _ := tasks.State()
		return pushing == 1
	})
	over, cancel := context.WithCancel(ctx)
	cancel()
	ended := make(chan error, 1)
	go func() { ended <- b.End(over) }()
	wantCode(t, testkit.Receive(t, ended, "the end of End"), CodeCanceled, "batch b")
	go func() { ended <- b.End(ctx) }()
	testkit.Eventually(t, "that the batch ends", func() bool {
		_, _, over := tasks.State()
		return over
	})
	wantCode(t, p.Push(b.Context(ctx), squareMethod, wrapperspb.Int64(2)), CodeFailedPrecondition, "has ended")
	work(t, squaring(squares), p.from, p.to)
	if err := errors.Join(testkit.Receive(t, pushed, "the end of Push"), testkit.Receive(t, ended, "the end of End"), p.Ventilator.Wait(ctx)); err != nil {
		t.Error(err)
	}
	if n, _, _ := tasks.State(); n != 1 {
		t.Errorf("the batch has %d tasks, want 1", n)
	}
}
