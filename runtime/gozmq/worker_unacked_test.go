package gozmq

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A taskFeed is a scripted ventilator that keeps its worker's credit used.
type taskFeed struct {
	*rawPeer
	done chan string // ids of tasks that ended, in order

	mu            sync.Mutex
	credit, sent  int
	most          int             // the largest credit
	begun         map[string]bool // tasks that the worker has begun, by its word
	handled, over map[string]bool
}

// feed serves a worker's connection until that ends.
func feed(raw *rawPeer) *taskFeed {
	f := &taskFeed{
		rawPeer: raw, done: make(chan string, 1<<14),
		begun: make(map[string]bool), handled: make(map[string]bool), over: make(map[string]bool),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			m, err := raw.recvAnswering()
			if err != nil {
				return
			}
			f.handle(m)
		}
	}()
	raw.t.Cleanup(func() { raw.Conn.Close(); <-ended })
	return f
}

func (f *taskFeed) handle(m []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch wire.Verb(m[0]) {
	case wire.VerbCredit:
		f.credit, _ = strconv.Atoi(m[1])
		f.most = max(f.most, f.credit)
	case wire.VerbExtend:
		f.begun[m[1]] = true
		if len(m) > 3 {
			f.handled[m[1]] = true
		}
	default:
		f.over[m[1]] = true
		f.done <- m[0] + m[1]
	}
	for f.sent-len(f.over) < f.credit {
		f.sent++
		id := strconv.Itoa(f.sent)
		f.Send(encodeTask(f.t, id, int64(f.sent)))
	}
}

func encodeTask(t testing.TB, id string, n int64) []byte {
	b, err := wire.TaskAttempt{
		ID: id, Procedure: sureMethod.Procedure, Body: []byte(encode(t, wrapperspb.Int64(n))), Attempt: 1, Lease: time.Hour,
	}.AppendMessage(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (f *taskFeed) counts() (begun, credit, most, handled int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.begun), f.credit, f.most, len(f.handled)
}

// startFed starts a worker between a scripted ventilator and a scripted sink.
func startFed(t *testing.T, run square, opts ...WorkerOption) (*runningWorker, *taskFeed, *rawPeer) {
	t.Helper()
	tasksAt, acceptTasks := listenRaw(t, zmtp.Router)
	resultsAt, acceptResults := listenRaw(t, zmtp.Router)
	w := work(t, surely(run), append(opts, From(Connect(tasksAt)), To(Connect(resultsAt)))...)
	sink := acceptResults()
	return w, feed(acceptTasks()), sink
}

// unackedBound is how many results of a worker may wait for their
// acknowledgement.
const unackedBound = 1024

// Results wait for their acknowledgement beside the next tasks, up to the bound.
// Then the handlers wait.
func TestResultsWaitBesideTasks(t *testing.T) {
	for _, c := range []struct{ concurrency, prefetch int }{{1, 0}, {1, 1}, {4, 4}, {3, 64}} {
		t.Run(fmt.Sprintf("%d+%d", c.concurrency, c.prefetch), func(t *testing.T) {
			w, vent, sink := startFed(t, squares, WithConcurrency(c.concurrency), WithPrefetch(c.prefetch))
			ids := make([]string, 0, unackedBound)
			for range unackedBound {
				ids = append(ids, sink.recv()[1])
			}
			// Nothing was acknowledged, and as many handlers as there may be
			// have begun and wait.
			testkit.Eventually(t, "that handlers begin and wait", func() bool {
				begun, _, _, _ := vent.counts()
				return begun == unackedBound+c.concurrency
			})
			if len(vent.done) > 0 {
				t.Errorf("%d tasks ended, and no result was acknowledged", len(vent.done))
			}
			for _, id := range ids[:10] { // each makes room for one
				sink.send(string(wire.VerbAck), id)
			}
			for _, id := range ids[:10] {
				if got := testkit.Receive(t, vent.done, "the end of a task"); got != string(wire.VerbDone)+id {
					t.Errorf("got %q, want that %s is done", got, id)
				}
				ids = append(ids, sink.recv()[1])
			}
			base := c.concurrency + c.prefetch
			_, _, most, handled := vent.counts()
			// A result that was acknowledged makes room before its task has ended.
			if most > unackedBound+base+10 || handled < unackedBound-(c.prefetch+1)/2-1 {
				t.Errorf("the largest credit was %d, %d tasks were known to be handled", most, handled)
			}
			acknowledge(sink, ids[10:]...)
			if err := w.stop(); err != nil {
				t.Error(err)
			}
			if p := w.Progress(); p.Done < unackedBound+10 || p.Failed != 0 || p.InFlight != 0 {
				t.Errorf("%v, want all done", p)
			}
		})
	}
}

// acknowledge acknowledges results that a scripted sink has received, and those
// that it will.
func acknowledge(sink *rawPeer, ids ...string) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, id := range ids {
			sink.send(string(wire.VerbAck), id)
		}
		for {
			m, err := sink.recvAnswering()
			if err != nil {
				return
			}
			sink.send(string(wire.VerbAck), m[1])
		}
	}()
	sink.t.Cleanup(func() { sink.Conn.Close(); <-ended })
}

// The bytes of the results that wait are bounded, too.
func TestUnackedBytes(t *testing.T) {
	tasksAt, acceptTasks := listenRaw(t, zmtp.Router)
	resultsAt, acceptResults := listenRaw(t, zmtp.Router)
	var begun atomic.Int64
	large := func(context.Context, *number) (*bytez, error) {
		begun.Add(1)
		return wrapperspb.Bytes(make([]byte, 1<<20)), nil
	}
	w := work(t, []TaskHandler{HandleTask(sureMethod, large)}, From(Connect(tasksAt)), To(Connect(resultsAt)))
	sink := acceptResults()
	feed(acceptTasks())
	var ids []string
	for range 15 { // the sixteenth does not fit into 16 MiB with its frames
		ids = append(ids, sink.recv()[1])
	}
	testkit.Eventually(t, "that the handler waits", func() bool { return begun.Load() == 16 })
	acknowledge(sink, ids...)
	if err := w.stop(); err != nil {
		t.Error(err)
	}
}

// The drain time is that of results, too: a worker waits for their
// acknowledgement, then it reports them and returns their tasks.
func TestDrainWaitsForAcks(t *testing.T) {
	const n = 3
	for _, acked := range []int{n, 1} {
		t.Run(fmt.Sprintf("%d acknowledged", acked), func(t *testing.T) {
			failed, report := failures()
			drain := time.Hour
			if acked < n {
				drain = 50 * time.Millisecond
			}
			var left atomic.Int64
			left.Store(n)
			hold := make(chan struct{})
			w, vent, sink := startFed(t, func(ctx context.Context, task *number) (*number, error) {
				if left.Add(-1) < 0 {
					<-hold
				}
				return squares(ctx, task)
			}, WithPrefetch(0), WithDrainTimeout(drain), report)
			var ids []string
			for range n {
				ids = append(ids, sink.recv()[1])
			}
			testkit.Eventually(t, "that the next task begins", func() bool { begun, _, _, _ := vent.counts(); return begun == n+1 })
			ack := func() {
				for _, id := range ids[:acked] {
					sink.send(string(wire.VerbAck), id)
					if got := testkit.Receive(t, vent.done, "the end of a task"); got != string(wire.VerbDone)+id {
						t.Errorf("got %q, want that %s is done", got, id)
					}
				}
			}
			if acked < n { // now, as the drain time is short
				ack()
			}
			stopped := make(chan error, 1)
			go func() { stopped <- w.stop() }()
			testkit.Eventually(t, "that the worker drains", func() bool { _, credit, _, _ := vent.counts(); return credit == 0 })
			close(hold)
			if acked == n {
				ack()
				acknowledge(sink)
			}
			if err := testkit.Receive(t, stopped, "the end of the worker"); err != nil {
				t.Error(err)
			}
			if acked == n {
				return
			}
			for _, id := range ids[acked:] {
				wantText(t, testkit.Receive(t, failed, "the report").err, "no sink has acknowledged the result", "the worker is stopping")
				if got := testkit.Receive(t, vent.done, "the end of a task"); got != string(wire.VerbReturn)+id {
					t.Errorf("got %q, want that %s was returned", got, id)
				}
			}
		})
	}
}
