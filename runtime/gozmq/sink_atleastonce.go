package gozmq

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// receipts is the source of a sink that takes results at least once: a ROUTER
// that acknowledges each result when the application has dealt with it.
type receipts struct {
	direct   *socket.Direct
	observer *observer
	queue    queueConfig
	batches  *batchTally
	done     chan struct{}  // closed by end
	held     sync.WaitGroup // what is with the application; none is added after end

	mu      sync.Mutex
	boxes   map[string]*receiptBox // by procedure
	change  chan struct{}          // closed and replaced when boxes changes
	pending map[string]*receipt    // by id: wait for the application, or are with it
	seen    *taskqueue.Window      // were acknowledged
	again   uint64                 // results that came again
	handled uint64
	closed  bool
}

// A receiptBox is the results of one method that wait for the application.
type receiptBox struct {
	list  []*receipt
	bytes int
	wake  chan struct{} // closed and replaced when something is there, or closed
	room  chan struct{} // closed and replaced when something was taken
}

// A receipt is a result that is to be acknowledged.
type receipt struct {
	taskFrames
	conns []*link.Conn // which have sent it
	box   *receiptBox
}

// maxCopies is on how many connections one result may wait for its receipt.
const maxCopies = 16

func newReceipts(cfg *sinkConfig, o *observer) *receipts {
	r := &receipts{
		observer: o, queue: cfg.queue, batches: newBatchTally(cfg.batchStatus), done: make(chan struct{}),
		boxes: make(map[string]*receiptBox), change: make(chan struct{}), pending: make(map[string]*receipt),
		seen: taskqueue.NewWindow(cfg.window.tasks, cfg.window.age),
	}
	cfg.SocketType = zmtp.Router
	cfg.Observe = o.link(zmtp.Router)
	r.direct = socket.NewDirect(cfg.Config, r, true)
	return r
}

func (r *receipts) links() *link.Group { return r.direct.Links() }

// Join, Leave and Room have nothing to do: a result stays when its connection
// goes, since it is here (socket.PeerHandler).
func (r *receipts) Join(*link.Conn) {}

// Leave does nothing (socket.PeerHandler).
func (r *receipts) Leave(*link.Conn) {}

// Room does nothing (socket.PeerHandler).
func (r *receipts) Room(*link.Conn) {}

// Receive takes in results, waiting where there is no room, or no one to take
// them yet (socket.PeerHandler).
func (r *receipts) Receive(c *link.Conn, b *link.Batch) {
	for i := range b.Len() {
		f, err := r.parse(b.Message(i))
		switch {
		case err != nil:
			c.Malformed("result: %w", err)
		case len(f.method) == 0:
			r.hearOfBatch(c, f)
		case !r.place(c, f):
			return // closed
		}
	}
}

func (r *receipts) parse(frames [][]byte) (f taskFrames, err error) {
	if word := cut(frames[0]); string(word) != wordResult {
		return f, fmt.Errorf("%q: %w", word, errWord)
	}
	return parseTaskFrames(frames)
}

// hearOfBatch takes in word of a batch.
func (r *receipts) hearOfBatch(c *link.Conn, f taskFrames) {
	b := batchIn(f.header)
	if b == nil {
		c.Malformed("result without a method, which is not about a batch either")
		socket.SendAnyway(c, []byte(wordAck), f.id)
		return
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return // another sink is told
	}
	r.held.Add(1)
	defer r.held.Done()
	known := r.seen.Has(taskqueue.ID(f.id), time.Now())
	r.mu.Unlock()
	if !known {
		r.batches.hear(b)
		r.mu.Lock()
		r.remember(f.id)
		r.mu.Unlock()
	}
	socket.SendAnyway(c, []byte(wordAck), f.id)
}

// remember notes that a result was dealt with; r.mu is held.
func (r *receipts) remember(id []byte) {
	now := time.Now()
	if !r.seen.Has(taskqueue.ID(id), now) {
		r.seen.Add(taskqueue.ID(id), now)
	}
}

// place puts a result where it waits for the application; one that came before
// is not put there again. It returns false after close.
func (r *receipts) place(c *link.Conn, f taskFrames) bool {
	for reported := false; ; {
		wait, unclaimed := r.tryPlace(c, f)
		if wait == nil {
			return true
		}
		if unclaimed && !reported {
			reported = true
			r.observer.observe(Event{
				Kind: EventUnclaimed, SocketType: string(zmtp.Router), Endpoint: c.Endpoint(), Peer: c.Address(), Procedure: string(cut(f.method)),
			})
		}
		if !waitPaused(c, wait, r.done) {
			return false
		}
	}
}

// tryPlace is place that returns what to wait for before the next try, nil when
// the result was placed.
func (r *receipts) tryPlace(c *link.Conn, f taskFrames) (wait <-chan struct{}, unclaimed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return r.done, false
	}
	if r.seen.Has(taskqueue.ID(f.id), time.Now()) {
		r.again++
		socket.SendAnyway(c, []byte(wordAck), f.id)
		return nil, false
	}
	if p := r.pending[string(f.id)]; p != nil {
		r.again++
		p.conns = append(p.conns, c)
		if n := len(p.conns); n > maxCopies {
			p.conns = p.conns[n-maxCopies:]
		}
		return nil, false
	}
	box := r.boxes[string(f.method)]
	if box == nil {
		return r.change, len(r.boxes) > 0
	}
	if n := len(box.list); n > 0 && (n >= r.queue.messages || box.bytes+len(f.body) > r.queue.bytes) {
		return box.room, false
	}
	p := &receipt{taskFrames: f.clone(), conns: []*link.Conn{c}, box: box}
	r.pending[string(p.id)] = p
	box.list = append(box.list, p)
	box.bytes += len(p.body)
	box.awaken()
	return nil, false
}

func (b *receiptBox) awaken() {
	close(b.wake)
	b.wake = make(chan struct{})
}

// box returns where the results of a method wait.
func (r *receipts) box(procedure string) *receiptBox {
	b := r.boxes[procedure]
	if b == nil {
		b = &receiptBox{wake: make(chan struct{}), room: make(chan struct{})}
		r.boxes[procedure] = b
		close(r.change)
		r.change = make(chan struct{})
	}
	return b
}

// take waits for a result of a method; nil when ctx ends, or after close.
func (r *receipts) take(ctx context.Context, m *Method) resultItem {
	for {
		r.mu.Lock()
		box := r.box(m.Procedure)
		if r.closed {
			r.mu.Unlock()
			return nil
		}
		if len(box.list) > 0 {
			p := box.list[0]
			box.list[0] = nil
			box.list = box.list[1:]
			box.bytes -= len(p.body)
			close(box.room)
			box.room = make(chan struct{})
			r.held.Add(1)
			r.mu.Unlock()
			return heldReceipt{r, p}
		}
		wake := box.wake
		r.mu.Unlock()
		select {
		case <-wake:
		case <-r.done:
		case <-ctx.Done():
			return nil
		}
	}
}

// A heldReceipt is a result that is with the application.
type heldReceipt struct {
	r *receipts
	*receipt
}

func (h heldReceipt) content() []byte { return h.body }

// settle acknowledges the result, or puts it back as the first.
func (h heldReceipt) settle(handled bool) {
	defer h.r.held.Done()
	h.r.mu.Lock()
	defer h.r.mu.Unlock()
	if !handled {
		h.box.list = append([]*receipt{h.receipt}, h.box.list...)
		h.box.bytes += len(h.body)
		h.box.awaken()
		return
	}
	h.r.handled++
	h.r.batches.count(batchIn(h.header))
	delete(h.r.pending, string(h.id))
	h.r.remember(h.id)
	for _, c := range h.conns {
		socket.SendAnyway(c, []byte(wordAck), h.id)
	}
}

func (r *receipts) progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	queued := 0
	for _, box := range r.boxes {
		queued += len(box.list)
	}
	return Progress{Queued: queued, InFlight: len(r.pending) - queued, Done: r.handled, Redelivered: r.again}
}

// end ends every iteration.
func (r *receipts) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		close(r.done)
	}
}

// shutdown closes the connections, after what is with the application has come
// back from there and every receipt has been handed to the kernel, or ctx has
// ended.
func (r *receipts) shutdown(ctx context.Context) error {
	awaitHeld(ctx, &r.held)
	return r.direct.Shutdown(ctx)
}
