package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Result is a result, or at a Puller a task, that is with the application.
// Ack or Nack must be called once.
type Result interface {
	// Task returns the message, whose bytes belong to the Result.
	Task() *wire.Task
	// From returns the connection that it came from first.
	From() *link.Conn
	// Ack says that the application has dealt with the result. It returns false if
	// the peer that delivered it is gone, and will deliver it again.
	Ack() (reported bool)
	// Nack makes the result be delivered again; it returns the same as Ack.
	Nack() (reported bool)
}

// A ReceiverConfig configures a ResultReceiver.
type ReceiverConfig struct {
	Link link.Config
	// MaxResults and MaxBytes bound what waits for the application, for each
	// procedure.
	MaxResults, MaxBytes int
	// The duplicate window: how many results are remembered, and for how long;
	// 0 is without end.
	WindowTasks int
	WindowAge   time.Duration
	// Batch is called with each new status of a batch; nil: statuses are ignored.
	Batch func(BatchStatus)
	// Unclaimed is called when a result waits because the application iterates only
	// over other procedures. It must not block.
	Unclaimed func(worker *link.Conn, procedure string)
}

// A ResultReceiver takes results from workers and acknowledges each when the
// application has dealt with it. It is a ROUTER. Its methods may be called from
// any goroutine.
type ResultReceiver struct {
	cfg     ReceiverConfig
	direct  *socket.PeerSocket
	batches *BatchCounter
	ended   chan struct{}  // closed by End
	held    sync.WaitGroup // results that are with the application; none is added after End

	mu          sync.Mutex
	queues      map[string]*procedureQueue
	added       notify.Broadcast           // queues has one more
	unacked     map[string]*receivedResult // by id: wait for the application, or are with it
	seen        *taskqueue.Window          // were acknowledged
	redelivered uint64
	handled     uint64
	blocked     int // results that were read and have no place in a queue yet
	closed      bool
}

// A procedureQueue is the results of one procedure that wait for the
// application.
type procedureQueue struct {
	list   []*receivedResult
	bytes  int
	filled notify.Broadcast // notified when a result is queued
	room   notify.Broadcast // something was taken
}

// A receivedResult is a result that was not acknowledged.
type receivedResult struct {
	receiver *ResultReceiver
	task     wire.Task
	from     *link.Conn   // the first connection that has sent it
	conns    []*link.Conn // that have sent it, the last ones
	came     time.Time
	queue    *procedureQueue
}

// maxCopies is how many connections that have sent one result are remembered.
const maxCopies = 16

// NewResultReceiver returns a receiver without workers. End and Shutdown must
// be called.
func NewResultReceiver(cfg ReceiverConfig) *ResultReceiver {
	r := &ResultReceiver{
		cfg: cfg, batches: NewBatchCounter(cfg.Batch, true), ended: make(chan struct{}),
		queues: make(map[string]*procedureQueue), unacked: make(map[string]*receivedResult),
		seen: taskqueue.NewWindow(cfg.WindowTasks, cfg.WindowAge),
	}
	cfg.Link.SocketType = zmtp.Router
	r.direct = socket.NewPeerSocket(cfg.Link, r, true)
	return r
}

// Links returns the connections to workers.
func (r *ResultReceiver) Links() *link.Group { return r.direct.Links() }

// Join does nothing (socket.PeerHandler).
func (r *ResultReceiver) Join(*link.Conn) {}

// Leave does nothing: a result stays when its connection ends, since it is here
// (socket.PeerHandler).
func (r *ResultReceiver) Leave(*link.Conn) {}

// Writable does nothing (socket.PeerHandler).
func (r *ResultReceiver) Writable(*link.Conn) {}

// Receive queues results. It waits while there is no room, or nobody takes the
// results of the procedure (socket.PeerHandler).
func (r *ResultReceiver) Receive(c *link.Conn, b *link.Batch) {
	for i := range b.Len() {
		if wire.IsAlive(b.Message(i)) {
			r.alive(c, b.Message(i))
			continue
		}
		result, err := wire.ParseResult(b.Message(i))
		switch {
		case err != nil:
			c.Malformed("result: %w", err)
		case result.Control():
			r.handleNotice(c, &result.Task)
		case !r.queue(c, &result.Task, b.Len()-i):
			return // closed
		}
	}
}

// alive handles an ALIVE.
func (r *ResultReceiver) alive(c *link.Conn, frames [][]byte) {
	var state wire.VentilatorState
	alive, err := wire.ParseAlive(frames)
	if err == nil {
		state, err = alive.State()
	}
	if err != nil {
		c.Malformed("%w", err)
		return
	}
	r.batches.Alive(state)
}

// TooLarge rejects a result that is skipped. frames are the ones before the frame
// that is too large (socket.OversizedReceiver).
func (r *ResultReceiver) TooLarge(c *link.Conn, frames [][]byte, err *zmtp.SizeError) {
	if id, procedure, ok := wire.OversizedTask(wire.VerbResult, frames); ok {
		report(c, wire.VerbReject, id, tooLargeResult(procedure, err))
	}
}

// handleNotice handles a message that says how far a batch is.
func (r *ResultReceiver) handleNotice(c *link.Conn, f *wire.Task) {
	b := wire.BatchOf(f.Header)
	if b == nil {
		c.Malformed("result without a method, which is not about a batch either")
		socket.SendForced(c, wire.Ack(f.ID))
		return
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return // it goes to another sink
	}
	r.held.Add(1)
	defer r.held.Done()
	known := r.seen.Has(taskqueue.ID(f.ID), time.Now())
	r.mu.Unlock()
	if !known {
		r.batches.Notice(b)
		r.mu.Lock()
		r.remember(f.ID)
		r.mu.Unlock()
	}
	socket.SendForced(c, wire.Ack(f.ID))
}

// remember adds a result to the duplicate window; r.mu is held.
func (r *ResultReceiver) remember(id []byte) {
	now := time.Now()
	if !r.seen.Has(taskqueue.ID(id), now) {
		r.seen.Add(taskqueue.ID(id), now)
	}
}

// queue puts a result where the application takes it from; a duplicate is not
// put there again. left is how many of the batch wait with it. It returns false
// after End.
func (r *ResultReceiver) queue(c *link.Conn, f *wire.Task, left int) bool {
	for reported := false; ; {
		wait, unclaimed := r.tryQueue(c, f)
		if wait == nil {
			return true
		}
		if unclaimed && !reported {
			reported = true
			r.cfg.Unclaimed(c, string(wire.Excerpt(f.Procedure)))
		}
		r.block(left)
		waited := socket.WaitPaused(c, wait, r.ended)
		r.block(-left)
		if !waited {
			return false
		}
	}
}

// block counts results that wait for a place in a queue.
func (r *ResultReceiver) block(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocked += n
}

// tryQueue is queue that returns what to wait for before the next try, nil when
// the result was queued or is a duplicate.
func (r *ResultReceiver) tryQueue(c *link.Conn, f *wire.Task) (wait <-chan struct{}, unclaimed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return r.ended, false
	}
	if r.duplicate(c, f.ID) {
		r.redelivered++
		return nil, false
	}
	q := r.queues[string(f.Procedure)]
	if q == nil {
		return r.added.Changed(), len(r.queues) > 0
	}
	if n := len(q.list); n > 0 && (n >= r.cfg.MaxResults || q.bytes+len(f.Body) > r.cfg.MaxBytes) {
		return q.room.Changed(), false
	}
	result := &receivedResult{receiver: r, task: f.Clone(), from: c, conns: []*link.Conn{c}, queue: q, came: time.Now()}
	r.unacked[string(f.ID)] = result
	q.list = append(q.list, result)
	q.bytes += len(f.Body)
	q.filled.Notify()
	return nil, false
}

// duplicate reports whether a result is known. If so, it acknowledges it on c, now
// or when the application has handled the first delivery; r.mu is held.
func (r *ResultReceiver) duplicate(c *link.Conn, id []byte) bool {
	if r.seen.Has(taskqueue.ID(id), time.Now()) {
		socket.SendForced(c, wire.Ack(id))
		return true
	}
	known := r.unacked[string(id)]
	if known == nil {
		return false
	}
	known.conns = append(known.conns, c)
	if n := len(known.conns); n > maxCopies {
		known.conns = known.conns[n-maxCopies:]
	}
	return true
}

// queueOf returns the queue of a procedure, which is made when it is first
// asked for; r.mu is held.
func (r *ResultReceiver) queueOf(procedure string) *procedureQueue {
	q := r.queues[procedure]
	if q == nil {
		q = new(procedureQueue)
		r.queues[procedure] = q
		r.added.Notify()
	}
	return q
}

// Next waits for a result of a procedure. It returns nil when ctx ends, and
// after End.
func (r *ResultReceiver) Next(ctx context.Context, procedure string) Result {
	for {
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			return nil
		}
		q := r.queueOf(procedure)
		if len(q.list) > 0 {
			result := q.pop()
			r.held.Add(1)
			r.mu.Unlock()
			return result
		}
		filled := q.filled.Changed()
		r.mu.Unlock()
		select {
		case <-filled:
		case <-r.ended:
		case <-ctx.Done():
			return nil
		}
	}
}

// pop takes the first result; the receiver's lock is held.
func (q *procedureQueue) pop() *receivedResult {
	result := q.list[0]
	q.list[0] = nil
	q.list = q.list[1:]
	q.bytes -= len(result.task.Body)
	q.room.Notify()
	return result
}

// Task returns the result (Result).
func (d *receivedResult) Task() *wire.Task { return &d.task }

// From returns the worker's connection (Result).
func (d *receivedResult) From() *link.Conn { return d.from }

// Nack puts the result back as the first of its queue (Result).
func (d *receivedResult) Nack() (reported bool) {
	r := d.receiver
	defer r.held.Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	d.queue.list = append([]*receivedResult{d}, d.queue.list...)
	d.queue.bytes += len(d.task.Body)
	d.queue.filled.Notify()
	return true // the result is here
}

// Ack acknowledges the result on every connection that has sent it (Result).
func (d *receivedResult) Ack() (reported bool) {
	r := d.receiver
	defer r.held.Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handled++
	r.batches.count(wire.BatchOf(d.task.Header))
	delete(r.unacked, string(d.task.ID))
	r.remember(d.task.ID)
	for _, c := range d.conns {
		socket.SendForced(c, wire.Ack(d.task.ID))
		reported = reported || !c.Ended()
	}
	return reported
}

// Progress returns how far the results are.
func (r *ResultReceiver) Progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	queued := 0
	for _, q := range r.queues {
		queued += len(q.list)
	}
	return Progress{Queued: queued + r.blocked, InFlight: len(r.unacked) - queued, Done: r.handled, Redelivered: r.redelivered}
}

// End ends every Next.
func (r *ResultReceiver) End() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		close(r.ended)
	}
}

// Ended returns a channel that End closes.
func (r *ResultReceiver) Ended() <-chan struct{} { return r.ended }

// Shutdown closes the connections, after the results that are with the
// application have come back and every acknowledgement has reached the kernel,
// or ctx has ended.
func (r *ResultReceiver) Shutdown(ctx context.Context) error {
	r.batches.Close(ctx)
	waitGroup(ctx, &r.held)
	return r.direct.Shutdown(ctx)
}

// waitGroup waits for wg, or until ctx ends.
func waitGroup(ctx context.Context, wg *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
