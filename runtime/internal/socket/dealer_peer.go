package socket

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/list"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A dealerPeer is one connection of a dealer with its requests in flight.
//
// Its callers share the role of the reader (leader and followers): a caller
// that waits for its reply reads the connection itself, delivers the replies of
// others on the way, and hands the role over when it has its own. So a lone
// call never changes goroutines. While there are few calls a background
// goroutine has the role, so that heartbeats and the end of the connection are
// always noticed.
type dealerPeer struct {
	conn     *link.Conn
	onEnd    func(*dealerPeer)
	inflight atomic.Int32
	idle     atomic.Pointer[chan struct{}] // closed when inflight is 0; nil: nobody waits

	// leaving is set when the peer has sent GOODBYE: it answers earlier requests,
	// and gets no more.
	leaving atomic.Bool
	hung    hangs

	mu      sync.Mutex
	slots   []slot
	free    []uint32
	parked  list.List[*waiter] // the newest first
	reading bool               // a goroutine is the reader
	calls   int                // calls since the background goroutine's last check
	err     error              // why the connection ended
	room    notify.Broadcast   // of the connection being writable

	readUnsent sync.Once
	unsentIDs  map[uint64]struct{}
}

// newDealerPeer returns a peer that calls onEnd when the connection has ended,
// before its callers fail.
func newDealerPeer(c *link.Conn, onEnd func(*dealerPeer)) *dealerPeer {
	p := &dealerPeer{conn: c, onEnd: onEnd}
	c.OnWritable(p.notifyWritable)
	return p
}

// do sends one request and waits for its reply. sent reports whether the peer
// may have received the request.
func (p *dealerPeer) do(ctx context.Context, x Exchange) (sent bool, err error) {
	w := waiters.Get().(*waiter)
	w.x = x
	id, err := p.acquireSlot(w)
	if err == nil {
		if err = p.send(ctx, id, x); err == nil {
			err = p.await(ctx, w)
			sent, w.unsent = !w.unsent, false
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				p.sendCancel(id, x)
			}
		} else if !p.giveUp(w) {
			<-w.ch // failed at the same time
		}
	}
	w.x = nil
	waiters.Put(w)
	return sent, err
}

// send appends the request to the connection, waiting while its queue is full.
func (p *dealerPeer) send(ctx context.Context, id uint64, x Exchange) error {
	for {
		err := p.trySend(id, x)
		if errors.Is(err, link.ErrFull) {
			if err = p.awaitRoom(ctx, nil); err == nil {
				continue
			}
		}
		return err
	}
}

func (p *dealerPeer) trySend(id uint64, x Exchange) error {
	commit := (*link.Conn).Commit
	if p.inflight.Load() > 1 {
		commit = (*link.Conn).CommitTogether
	}
	return p.write(id, commit, func(b []byte) ([]byte, error) {
		if p.leaving.Load() { // checked under the lock that also guards the PONG, which confirms the GOODBYE
			return b, &LostError{errLeaving}
		}
		return x.AppendRequest(b)
	})
}

// errLeaving is why a request was not sent to a peer that is connected.
var errLeaving = errors.New("the peer takes no more requests")

// command handles a peer's GOODBYE (link.Conn). The PING that follows it, and asks
// whether it was read, is answered only after no further request can be sent.
func (p *dealerPeer) command(name, _ []byte) error {
	if string(name) == zmtp.CommandGoodbye {
		p.leaving.Store(true)
		p.onEnd(p)
	}
	return nil
}

// sendCancel sends a peer that announces X-Gozmq the cancellation of a request,
// even after its deadline: the peer may be suspended, and would begin the request
// when it resumes. It ignores the high-water mark: there are no more cancellations
// than requests.
func (p *dealerPeer) sendCancel(id uint64, x Exchange) {
	canceler, ok := x.(Canceler)
	if !ok || !p.conn.Gozmq() {
		return
	}
	b, err := p.conn.BeginForced()
	if err != nil {
		return
	}
	if b, ok := canceler.AppendCancel(wire.AppendCallID(b, id)); ok {
		p.conn.Commit(b)
		return
	}
	p.conn.Abort()
}

// writable returns a channel that is closed when the connection's queue has room.
func (p *dealerPeer) writable() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.room.Changed()
}

func (p *dealerPeer) notifyWritable() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.room.Notify()
}

// await returns once w's reply was delivered, or will never be.
func (p *dealerPeer) await(ctx context.Context, w *waiter) error {
	if p.park(w) {
		return p.lead(ctx, w)
	}
	var s signal
	select {
	case s = <-w.ch:
	case <-ctx.Done():
		if p.giveUp(w) {
			return ctx.Err()
		}
		s = <-w.ch
	}
	switch s {
	case lead:
		return p.lead(ctx, w)
	case failed:
		return &LostError{p.conn.Err()}
	}
	return nil
}

// park makes w wait for a signal, if it is pending. It returns true when there was
// no reader, and w has become it.
func (p *dealerPeer) park(w *waiter) (leads bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	switch {
	case !w.pending:
	case !p.reading:
		p.reading, w.leading = true, true
		return true
	default:
		p.parked.PushFront(&w.parked, w)
	}
	return false
}

// stepDown takes the reader's role back from w, which got it while it was giving
// up; p.mu is held.
func (p *dealerPeer) stepDown(w *waiter) {
	if w.leading {
		w.leading = false
		<-w.ch
		p.handOver()
	}
}

// giveUp ends w's call. It returns false when it is too late: the reply is being
// delivered, and a signal will come.
func (p *dealerPeer) giveUp(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !w.pending {
		return false
	}
	p.releaseSlot(w)
	p.stepDown(w)
	return true
}

// lead reads for all callers until w's own reply, and all replies that were read
// together with it, are delivered.
func (p *dealerPeer) lead(ctx context.Context, w *waiter) error {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, p.conn.Interrupt)
		defer stop()
	}
	err := p.read(ctx, w)
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.pending { // the context has ended
		p.releaseSlot(w)
	}
	w.leading = false
	p.handOver()
	return err
}

func (p *dealerPeer) read(ctx context.Context, w *waiter) error {
	for own := false; ; {
		frames, err := p.conn.TryNext()
		if frames == nil && err == nil {
			if own {
				return nil
			}
			frames, err = p.conn.Next()
		}
		size := oversized(frames, err)
		switch {
		case err == nil || size != nil:
			own = p.deliver(frames, size, w) || own
		case errors.Is(err, link.ErrInterrupted):
			p.conn.Resume()
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if w.stream != nil && !p.waits(w) {
				return nil
			}
		default:
			p.fail(err)
			if own {
				return nil
			}
			return &LostError{err}
		}
	}
}

// handOver makes the newest caller the reader, because its reply is likely to come
// last; without a caller there is no reader. p.mu is held.
func (p *dealerPeer) handOver() {
	if !p.parked.Empty() {
		w := p.parked.First().Value()
		w.parked.Remove()
		w.leading = true
		w.ch <- lead
		return
	}
	p.reading = false
}

// deliver delivers a reply, or its size error, to its caller. It returns whether
// the caller is self. It drops a reply whose caller's context has ended.
func (p *dealerPeer) deliver(frames [][]byte, size *zmtp.SizeError, self *waiter) bool {
	if wire.IsProbe(frames) {
		return false
	}
	id, content, ok := wire.SplitCallID(frames)
	if !ok {
		p.conn.Malformed("reply has %d frames and does not begin with a call id and an empty frame", len(frames))
		return false
	}
	p.hung.reply()
	index, use := uint32(id), uint32(id>>32)
	p.mu.Lock()
	var w *waiter
	var stream *DealerStream
	if int64(index) < int64(len(p.slots)) && p.slots[index].use == use {
		w, stream = p.slots[index].w, p.slots[index].stream
	}
	if w != nil {
		p.releaseSlot(w)
	}
	p.mu.Unlock()
	if stream != nil {
		own := stream.deliver(content, size, self)
		if size == nil {
			stream.takeRun()
		}
		return own
	}
	if w == nil {
		return false
	}
	if size == nil {
		w.x.Deliver(content)
	} else {
		w.x.TooLarge(size)
	}
	if w == self {
		return true
	}
	w.ch <- delivered
	return false
}

// fail ends the peer, and signals every caller except the reader that the
// connection has ended.
func (p *dealerPeer) fail(err error) {
	p.conn.Close(err)
	p.onEnd(p)
	unsent := p.unsent()
	defer p.failStreams(unsent)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = p.conn.Err()
	}
	for i := range p.slots {
		w := p.slots[i].w
		if w == nil {
			continue
		}
		_, w.unsent = unsent[p.slots[i].id(i)]
		p.releaseSlot(w)
		if !w.leading {
			w.ch <- failed
		}
	}
}

// unsent returns the ids of the calls whose requests the kernel has not accepted
// any byte of, so that they can go to another peer.
func (p *dealerPeer) unsent() map[uint64]struct{} {
	p.readUnsent.Do(func() {
		p.unsentIDs = make(map[uint64]struct{})
		zmtp.EachMessage(p.conn.Unsent(), func(first []byte) {
			if id, ok := wire.CallID(first); ok {
				p.unsentIDs[id] = struct{}{}
			}
		})
	})
	return p.unsentIDs
}
