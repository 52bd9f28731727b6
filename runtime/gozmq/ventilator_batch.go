package gozmq

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// A Batch is tasks of a ventilator that belong together. The sink learns how
// many there are, and when all of them have been done or given up, through
// WithBatchStatus. A batch lives as long as its ventilator: after a restart its
// stored tasks are still done, but nothing tells that it is complete. Its
// methods may be called from any goroutine.
type Batch struct {
	sender taskSender
	name   string
	id     []byte
	header []byte // of its tasks

	// With delivery at least once; the dispatcher's lock guards it.
	count    taskqueue.Batch
	told     bool // the sink knows how many tasks there are
	complete bool
	done     chan struct{} // closed when the sink knows that it is complete

	// With delivery at most once.
	ending  chan struct{} // has room for whoever is in End
	mu      sync.Mutex
	tasks   uint64        // were pushed
	pushing int           // tasks that are being pushed
	quiet   chan struct{} // closed when pushing becomes 0; nil: End does not wait
	ended   bool          // or about to be
	sent    bool          // the sink has been sent the number of tasks
}

func newBatch(s taskSender, id []byte, name string) *Batch {
	b := &Batch{sender: s, name: name, id: id, count: taskqueue.Batch{ID: id, Name: name}, done: make(chan struct{}), ending: make(chan struct{}, 1)}
	b.header = encodeHeader(&gozmqv1.TaskHeader{Batch: &gozmqv1.Batch{Id: id, Name: name}})
	return b
}

func encodeHeader(h *gozmqv1.TaskHeader) []byte {
	b, _ := proto.Marshal(h) // it has neither required fields nor, by then, bad strings
	return b
}

type batchKey struct{}

// Context returns a context that makes the tasks that are pushed with it part
// of the batch.
func (b *Batch) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, batchKey{}, b)
}

// Name returns what StartBatch was given.
func (b *Batch) Name() string { return b.name }

// End says that no more tasks belong to the batch. The sink is told how many
// there are. At most once it waits for tasks of the batch that are being pushed
// and for a worker that can take the message, until ctx ends.
func (b *Batch) End(ctx context.Context) error { return b.sender.endBatch(ctx, b) }

// Wait waits until every task of the batch has been done or given up, and the
// sink has been told so. It returns ctx's error, and one with
// CodeFailedPrecondition at most once, where nobody can know.
func (b *Batch) Wait(ctx context.Context) error { return b.sender.waitBatch(ctx, b) }

var errBatchEnded = Errorf(CodeFailedPrecondition, "the batch has ended: start another one")

// batchOf returns the batch that tasks pushed with ctx belong to, nil for none.
func batchOf(ctx context.Context, s taskSender) (*Batch, error) {
	b, _ := ctx.Value(batchKey{}).(*Batch)
	if b != nil && b.sender != s {
		return nil, Errorf(CodeFailedPrecondition, "the context is of a batch of another ventilator")
	}
	return b, nil
}

// startBatch starts a batch.
func (d *dispatcher) startBatch(name string) *Batch {
	d.mu.Lock()
	defer d.mu.Unlock()
	return newBatch(d, []byte(d.newID()), name)
}

// join makes t part of the batch of ctx, if there is one.
func (d *dispatcher) join(ctx context.Context, t *taskqueue.Task) error {
	b, err := batchOf(ctx, d)
	if b == nil || err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if b.count.Ended {
		return errBatchEnded
	}
	b.count.Tasks++
	t.Batch, t.Header = &b.count, b.header
	d.open[t.Batch] = b
	return nil
}

// leaveBatch takes a task out that could not be pushed; d.mu is held.
func (d *dispatcher) leaveBatch(t *taskqueue.Task) {
	if t.Batch != nil {
		t.Batch.Tasks--
		d.settleBatch(t.Batch)
	}
}

func (d *dispatcher) endBatch(_ context.Context, b *Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return Errorf(CodeCanceled, "batch %q: closed", b.name)
	case b.count.Ended:
		return nil
	}
	b.count.Ended = true
	d.open[&b.count] = b
	d.tell(b, &gozmqv1.Batch{Id: b.id, Name: b.name, Ended: true, Tasks: b.count.Tasks})
	return nil
}

// tell sends the sink word of a batch, by way of a worker; d.mu is held.
func (d *dispatcher) tell(b *Batch, status *gozmqv1.Batch) {
	t := &taskqueue.Task{
		ID: d.newID(), Control: true, Lease: DefaultLease,
		Header: encodeHeader(&gozmqv1.TaskHeader{Batch: status}),
	}
	d.batches[t.ID] = b
	d.queue.Add(t)
	d.dispatch()
}

// told notes that the sink has had word of a batch; d.mu is held.
func (d *dispatcher) told(t *taskqueue.Task) {
	b := d.batches[t.ID]
	delete(d.batches, t.ID)
	if b.complete {
		close(b.done)
		return
	}
	b.told = true
	d.settleBatch(&b.count)
}

// settleBatch tells the sink that a batch is complete, if it is and the sink
// knows its size already; d.mu is held.
func (d *dispatcher) settleBatch(count *taskqueue.Batch) {
	b := d.open[count]
	if b == nil || !b.told || !count.Complete() {
		return
	}
	delete(d.open, count)
	b.complete = true
	status := &gozmqv1.Batch{Id: b.id, Name: b.name, Ended: true, Tasks: count.Tasks, Complete: true, Failed: count.Failed}
	room := maxFailureBytes
	for _, f := range count.Failures {
		s := asError(f.Reason)
		text := validUTF8(s.Message[:min(len(s.Message), room/2, maxFailureText)])
		status.Failures = append(status.Failures, &gozmqv1.Batch_Failure{
			Task: []byte(f.ID), Method: f.Method, Attempts: uint32(f.Attempts),
			Reason: &gozmqv1.Status{Code: int32(CodeOf(f.Reason)), Message: text},
		})
		room -= len(text)
	}
	d.tell(b, status)
}

// What the failures of a batch may take of a header, which has 64 KiB with all
// other frames beside the body.
const (
	maxFailureBytes = 24 << 10
	maxFailureText  = 1 << 10
)

func (d *dispatcher) waitBatch(ctx context.Context, b *Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.waitLocked(ctx, func() bool {
		select {
		case <-b.done:
			return true
		default:
			return false
		}
	})
	if err != nil {
		return pushError(fmt.Errorf("%w: %d of %d tasks are done or given up", err, b.count.Finished, b.count.Tasks), "batch "+b.name)
	}
	return nil
}
