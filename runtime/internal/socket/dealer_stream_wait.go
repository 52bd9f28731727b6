package socket

import (
	"context"
)

// Receive waits for the next message and passes it to h, possibly in another
// goroutine. It returns false without an error when the stream is over and every
// message was received, and ctx's error when ctx ends first.
func (s *DealerStream) Receive(ctx context.Context, h MessageHandler) (bool, error) {
	for {
		if body, ok := s.in.Next(); ok {
			h.Message(body)
			s.consumed(len(body))
			return true, nil
		}
		w := &s.receiver
		s.handler, s.took, w.pending = h, -1, true
		if !s.in.Wait() {
			w.pending = false
			if _, over := s.End(); over && s.in.Empty() {
				return false, nil
			}
			continue
		}
		err := s.peer.awaitStream(ctx, w)
		s.handler = nil
		switch {
		case err != nil:
			return false, err
		case s.took >= 0:
			s.consumed(s.took)
			return true, nil
		}
	}
}

// consumed counts a received message, and grants credit when enough has been
// consumed.
func (s *DealerStream) consumed(size int) {
	if !s.turn.Load() {
		s.turn.Store(true)
	}
	c, ok := s.in.Consumed(size)
	if !ok {
		return
	}
	if _, over := s.End(); over {
		return
	}
	s.spoken.Store(true)
	s.sendForced(func(b []byte) []byte { return appendGrant(b, c) })
}

// awaitStream waits until w is woken. While nobody else reads the connection, it
// reads. It returns ctx's error when ctx ends first.
func (p *dealerPeer) awaitStream(ctx context.Context, w *waiter) error {
	if p.park(w) {
		return p.leadStream(ctx, w)
	}
	var s signal
	select {
	case s = <-w.ch:
	case <-ctx.Done():
		if w.stream.withdraw(w) {
			p.unpark(w)
			return ctx.Err()
		}
		s = <-w.ch
	}
	if s == lead {
		return p.leadStream(ctx, w)
	}
	return nil
}

// unpark ends the wait of w, which nobody will wake.
func (p *dealerPeer) unpark(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.pending = false
	w.parked.Remove()
	p.stepDown(w)
}

// leadStream reads for all callers until w is woken, and all messages that were
// read together are delivered.
func (p *dealerPeer) leadStream(ctx context.Context, w *waiter) error {
	w.stream.interruptWith(ctx)
	err := ctx.Err() // checked after interruptWith
	if err == nil {
		err = p.read(ctx, w)
	}
	if ctx.Err() == nil || err != ctx.Err() {
		err = nil // a lost connection has ended the stream
	}
	p.mu.Lock()
	if !w.pending {
		w.leading = false
		p.handOver()
		p.mu.Unlock()
		return nil // w was woken, if only at the last moment
	}
	p.mu.Unlock()
	withdrawn := w.stream.withdraw(w)
	p.mu.Lock()
	woken := !w.pending
	w.leading = false
	if withdrawn {
		w.pending = false
	}
	p.handOver()
	p.mu.Unlock()
	switch {
	case withdrawn:
		return err
	case !woken:
		<-w.ch // a goroutine is about to wake it
	}
	return nil
}

// interruptWith lets the end of ctx interrupt the reader. For the call's own
// context nothing has to be done, because the caller cancels the stream when it
// ends.
func (s *DealerStream) interruptWith(ctx context.Context) {
	done := ctx.Done()
	if done == nil || done == s.callDone {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || done == s.watched {
		return
	}
	if s.unwatch != nil {
		s.unwatch()
	}
	s.watched, s.unwatch = done, context.AfterFunc(ctx, s.peer.conn.Interrupt)
}

// waits reports whether w has not been woken.
func (p *dealerPeer) waits(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return w.pending
}

// wake wakes w. It returns whether w is self, the caller, which gets no signal.
func (p *dealerPeer) wake(w, self *waiter) bool {
	p.mu.Lock()
	w.pending = false
	w.parked.Remove()
	leading := w.leading
	p.mu.Unlock()
	switch {
	case w == self:
		return true
	case leading: // w reads, or is about to
		p.conn.Interrupt()
	default:
		w.ch <- delivered
	}
	return false
}
