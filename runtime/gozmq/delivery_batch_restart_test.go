package gozmq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// batchSilence sets for how long a sink waits for word of a ventilator.
func batchSilence(d time.Duration) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) { c.queue.BatchSilence = d })
}

// A batchSite is a sink, and ventilators one after the other with one store.
type batchSite struct {
	t      *testing.T
	sink   *Sink
	status chan BatchStatus
	store  gozmqstore.Store // nil: none
}

func newBatchSite(t *testing.T, store gozmqstore.Store) *batchSite {
	t.Helper()
	status, option := statuses()
	k, err := NewSink(DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), option)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	results2(t, k)
	return &batchSite{t, k, status, store}
}

func (s *batchSite) ventilator(opts ...VentilatorOption) *Ventilator {
	s.t.Helper()
	opts = append([]VentilatorOption{DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithRetryBackoff(0, 0), WithLinger(50 * time.Millisecond)}, opts...)
	if s.store != nil {
		opts = append(opts, WithTaskStore(s.store))
	}
	v, err := NewVentilator(opts...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { v.Close() })
	return v
}

// work starts a worker that does the numbers up to a limit, rejects the negative
// ones, and has the others until the test ends.
func (s *batchSite) work(v *Ventilator, limit int64) {
	s.t.Helper()
	end := make(chan struct{})
	work(s.t, surely(func(ctx context.Context, task *number) (*number, error) {
		switch n := task.GetValue(); {
		case n < 0:
			return nil, Permanent(Errorf(CodeOutOfRange, "%d is negative", n))
		case n > limit:
			<-end
			return nil, errors.New("the test has ended")
		}
		return squares(ctx, task)
	}), From(Connect(v.Addrs()...)), To(Connect(s.sink.Addrs()...)), WithConcurrency(4))
	s.t.Cleanup(func() { close(end) })
}

func (s *batchSite) push(v *Ventilator, b *Batch, numbers ...int64) {
	s.t.Helper()
	ctx := testkit.Within(s.t)
	for _, n := range numbers {
		if err := v.Push(b.Context(ctx), sureMethod, wrapperspb.Int64(n)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *batchSite) next() BatchStatus {
	s.t.Helper()
	return testkit.Receive(s.t, s.status, "word of the batch")
}

// until returns the next word that is the wanted one, and passes over others.
func (s *batchSite) until(what string, wanted func(BatchStatus) bool) BatchStatus {
	s.t.Helper()
	for {
		word := testkit.Receive(s.t, s.status, what)
		if wanted(word) {
			return word
		}
		s.t.Logf("before %s the sink was told %+v", what, word)
	}
}

// wantNoMore fails if the sink was told anything else.
func (s *batchSite) wantNoMore() {
	s.t.Helper()
	select {
	case more := <-s.status:
		s.t.Errorf("the sink was told %+v", more)
	default:
	}
}

// wantOnlyLetters checks that a store has dead letters only, which no function
// wants.
func wantOnlyLetters(t *testing.T, store *memoryStore, n int) {
	t.Helper()
	tasks := store.Tasks()
	for _, task := range tasks {
		if task.State != gozmqstore.StateDead {
			t.Errorf("the store has %+v", task)
		}
	}
	if len(tasks) != n {
		t.Errorf("the store has %d records, want %d", len(tasks), n)
	}
}

// A batch that has ended goes on with the next ventilator that has the store, as
// often as that is a new one; the sink is told of its end and of its completion
// once.
func TestBatchRestart(t *testing.T) {
	s := newBatchSite(t, new(memoryStore))
	v := s.ventilator()
	b := v.StartBatch("lasting")
	s.push(v, b, 1, -2, 3, -4, 100, 200, 201)
	if err := b.End(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	s.work(v, 10)
	if first := s.next(); first.Name != "lasting" || first.Tasks != 7 || first.Complete || first.Err != nil {
		t.Errorf("first word: %+v", first)
	}
	wantProgress(t, v.Progress, Progress{InFlight: 3, Done: 2, Failed: 2})
	v.Close()
	v = s.ventilator()
	s.work(v, 150)
	wantProgress(t, v.Progress, Progress{InFlight: 2, Done: 1})
	v.Close()
	v = s.ventilator()
	wantProgress(t, v.Progress, Progress{Queued: 2})
	s.work(v, 1000)
	last := s.next()
	if last.Tasks != 7 || last.Results != 5 || last.Failed != 2 || len(last.Failures) != 2 || !last.Complete || last.Err != nil {
		t.Errorf("last word: %+v", last)
	}
	for _, f := range last.Failures {
		wantCode(t, f.Reason, CodeOutOfRange, "is negative")
	}
	waitDone(t, v)
	v.Close()
	wantOnlyLetters(t, s.store.(*memoryStore), 2)
	v = s.ventilator()
	s.work(v, 0)
	waitDone(t, v)
	s.wantNoMore()
}

// A batch whose tasks were all done and whose sink was not told, because there
// was none, is told by the next ventilator.
func TestBatchRestartAtItsEnd(t *testing.T) {
	s := newBatchSite(t, new(memoryStore))
	v := s.ventilator(batchSilence(0))
	b := v.StartBatch("late")
	s.push(v, b, -1, -2)
	raw := rawWorker(t, v, 2)
	for _, n := range []int64{-1, -2} {
		id, _ := raw.wantTask(sureMethod, n)
		raw.send(string(wire.VerbDone), id)
	}
	wantProgress(t, v.Progress, Progress{Done: 2})
	if err := b.End(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	raw.Conn.Close()
	v.Close()
	v = s.ventilator()
	s.work(v, 0)
	if first := s.next(); first.Tasks != 2 || first.Complete {
		t.Errorf("first word: %+v", first)
	}
	if last := s.next(); last.Tasks != 2 || !last.Complete {
		t.Errorf("last word: %+v", last)
	}
}

// A batch that was not ended when its ventilator was restarted does its tasks,
// and the sink learns that it will not be complete.
func TestBatchRestartNotEnded(t *testing.T) {
	s := newBatchSite(t, new(memoryStore))
	v := s.ventilator()
	b := v.StartBatch("cut")
	s.push(v, b, 1, -1, 100)
	s.work(v, 10)
	wantProgress(t, v.Progress, Progress{InFlight: 1, Done: 1, Failed: 1})
	v.Close()
	v = s.ventilator()
	s.work(v, 1000)
	last := s.next()
	if last.Name != "cut" || last.Complete || last.Results != 2 || last.Failed != 1 {
		t.Errorf("last word: %+v", last)
	}
	wantCode(t, last.Err, CodeAborted, "before the batch was ended")
	waitDone(t, v)
	s.wantNoMore()
	v.Close()
	wantOnlyLetters(t, s.store.(*memoryStore), 1)
}

// A batch whose end the store does not take goes on, and ends later.
func TestBatchEndStoreFails(t *testing.T) {
	store := new(memoryStore)
	s := newBatchSite(t, store)
	v := s.ventilator()
	b := v.StartBatch("b")
	s.push(v, b, 1)
	store.setFail(errors.New("disk full"))
	wantCode(t, b.End(testkit.Within(t)), CodeUnavailable, "disk full")
	store.setFail(nil)
	s.push(v, b, 2)
	if err := b.End(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	v.Close()
	v = s.ventilator()
	s.work(v, 10)
	if first := s.next(); first.Tasks != 2 || first.Complete {
		t.Errorf("first word: %+v", first)
	}
	if last := s.next(); last.Tasks != 2 || last.Results != 2 || !last.Complete {
		t.Errorf("last word: %+v", last)
	}
	waitDone(t, v)
	v.Close()
	if n := store.len(); n != 0 {
		t.Errorf("the store has %d records, want none", n)
	}
}

// While a ventilator lives, a sink does not take a batch for lost, however long
// a task takes; when the ventilator is gone, it does, once.
func TestBatchLost(t *testing.T) {
	const silence = 600 * time.Millisecond
	testkit.Steady(t, silence/3, func() error {
		s := newBatchSite(t, nil)
		v := s.ventilator(batchSilence(silence))
		b := v.StartBatch("lost")
		s.push(v, b, 1, 100)
		s.work(v, 10)
		wantProgress(t, v.Progress, Progress{InFlight: 1, Done: 1})
		if err := b.End(testkit.Within(t)); err != nil {
			t.Fatal(err)
		}
		if first := s.next(); first.Tasks != 2 || first.Err != nil {
			return fmt.Errorf("first word: %+v", first)
		}
		select {
		case early := <-s.status:
			return fmt.Errorf("while the ventilator lives, the sink was told %+v", early)
		case <-time.After(2 * silence):
		}
		v.Close()
		last := s.next()
		if last.Name != "lost" || last.Complete || last.Tasks != 2 || last.Results != 1 {
			return fmt.Errorf("last word: %+v", last)
		}
		wantCode(t, last.Err, CodeUnavailable, "batch lost: nothing was received from its ventilator for 600ms")
		select {
		case more := <-s.status:
			return fmt.Errorf("the sink was told again: %+v", more)
		case <-time.After(2 * silence):
		}
		return nil
	})
}

// A batch that was taken for lost and goes on is complete in the end. It may be
// taken for lost more than once, when this process gets no time for so long.
func TestBatchFoundAgain(t *testing.T) {
	const silence = 600 * time.Millisecond
	s := newBatchSite(t, new(memoryStore))
	v := s.ventilator(batchSilence(silence))
	b := v.StartBatch("found")
	s.push(v, b, 1, 100)
	s.work(v, 10)
	if err := b.End(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	s.until("its end", func(word BatchStatus) bool { return word.Err == nil })
	wantProgress(t, v.Progress, Progress{InFlight: 1, Done: 1})
	v.Close()
	lost := s.until("its loss", func(word BatchStatus) bool { return word.Err != nil })
	wantCode(t, lost.Err, CodeUnavailable)
	v = s.ventilator(batchSilence(silence))
	s.work(v, 1000)
	last := s.until("its completion", func(word BatchStatus) bool { return word.Complete })
	if last.Tasks != 2 || last.Results != 2 || last.Err != nil {
		t.Errorf("last word: %+v", last)
	}
}

// A sink that has results of a batch whose completion another sink was told does
// not take it for lost.
func TestBatchCompleteElsewhere(t *testing.T) {
	const silence = 600 * time.Millisecond
	testkit.Steady(t, silence/3, func() error {
		one, other := newBatchSite(t, nil), newBatchSite(t, nil)
		v := one.ventilator(batchSilence(silence))
		work(t, surely(squares), From(Connect(v.Addrs()...)), To(Connect(one.sink.Addrs()[0], other.sink.Addrs()[0])), WithConcurrency(8))
		if err := v.WaitForWorkers(testkit.Within(t), 1); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "results at both sinks", func() bool {
			b := v.StartBatch("shared")
			one.push(v, b, 1, 2, 3, 4, 5, 6, 7, 8)
			if err := errors.Join(b.End(testkit.Within(t)), b.Wait(testkit.Within(t))); err != nil {
				t.Fatal(err)
			}
			return one.sink.Progress().Done > 0 && other.sink.Progress().Done > 0
		})
		v.Close()
		<-time.After(2 * silence)
		for _, s := range []*batchSite{one, other} {
			for len(s.status) > 0 {
				if word := <-s.status; word.Err != nil {
					return fmt.Errorf("a sink was told %+v", word)
				}
			}
		}
		return nil
	})
}

// What several workers say of a batch, at once and again, is told once, and each
// is acknowledged when it has been told.
func TestBatchToldOnce(t *testing.T) {
	told := make(chan BatchStatus, 10)
	release := make(chan struct{})
	k, err := NewSink(DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithBatchHandler(func(s BatchStatus) {
		told <- s
		<-release
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	ended := wire.AppendTaskHeader(nil, wire.TaskHeader{Batch: &wire.Batch{ID: []byte("b"), Name: "b", Ended: true, Tasks: 1}})
	complete := wire.AppendTaskHeader(nil, wire.TaskHeader{Batch: &wire.Batch{ID: []byte("b"), Name: "b", Ended: true, Tasks: 1, Complete: true}})
	var workers []*rawPeer
	for i := range 3 {
		w := dialRaw(t, k.Addrs()[0], zmtp.Dealer)
		w.send(string(wire.VerbResult), "ended "+strconv.Itoa(i), "", "", string(ended))
		w.send(string(wire.VerbResult), "complete "+strconv.Itoa(i), "", "", string(complete))
		workers = append(workers, w)
	}
	if s := testkit.Receive(t, told, "word of the end"); s.Complete {
		t.Errorf("first word: %+v", s)
	}
	close(release)
	for i, w := range workers {
		for _, id := range []string{"ended ", "complete "} {
			if got := w.recv(); len(got) != 2 || got[0] != string(wire.VerbAck) || got[1] != id+strconv.Itoa(i) {
				t.Errorf("worker %d got %q", i, got)
			}
		}
	}
	if s := testkit.Receive(t, told, "word of the completion"); !s.Complete {
		t.Errorf("last word: %+v", s)
	}
	if len(told) > 0 {
		t.Errorf("told again: %+v", <-told)
	}
}
