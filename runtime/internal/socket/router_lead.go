package socket

import (
	"context"
	"sync/atomic"
	"time"
)

// A leader lets a RouterStream read its connection itself while its handler waits
// for a message. So in a dialog, where the peer waits for each answer, no message
// passes from one goroutine to another. The zero value is ready.
//
// The connection's reader passes its role on together with a message, if the
// handler has been quick recently and nothing else was read. While the handler is
// away nobody reads, and RouterPeer.inline is odd, as it is while the reader runs a
// job itself: the watch makes another goroutine the reader when that takes too
// long. When the handler waits for its next message it becomes the reader.
type leader struct {
	run     atomic.Uint64 // the value of peer.inline while the stream has the role and its handler is away; otherwise 0
	leading atomic.Bool   // the stream reads
	pace    Pace          // of the handler between two messages
	since   time.Time     // when the handler got a message that it had waited for; used by the receiving goroutine

	watched <-chan struct{} // of the context whose end interrupts the stream; RouterStream.mu guards it
	unwatch func() bool
}

// quickTurn is the longest time that a quick handler may be away before it counts
// as slow.
const quickTurn = 10 * quickRun

// wakeReader wakes the stream to which the reader has handed a message, if any. It
// returns false when that stream has the role now.
func (p *RouterPeer) wakeReader() (reader bool) {
	s := p.woken
	if s == nil {
		return true
	}
	p.woken = nil
	if !s.lead.pace.quick() || p.Pending() {
		s.wake.Set()
		return true
	}
	p.giveRole(s)
	s.wake.Set()
	return false
}

// giveRole gives a stream the role of the reader while its handler is away.
func (p *RouterPeer) giveRole(s *RouterStream) {
	p.uncork()
	s.lead.run.Store(p.inline.Add(1))
	p.router.watch.started(p)
}

// takeRole takes the role back from a stream. It returns false when the stream
// does not have it.
func (s *RouterStream) takeRole() bool {
	if s.lead.run.Load() == 0 {
		return false
	}
	run := s.lead.run.Swap(0)
	if run == 0 {
		return false
	}
	if !s.peer.inline.CompareAndSwap(run, run+1) {
		s.lead.pace.reset() // the watch was faster
		return false
	}
	return true
}

// yield makes another goroutine the reader if the stream has the role. It is called
// before the handler does anything other than answer.
func (s *RouterStream) yield() {
	if s.takeRole() {
		s.peer.router.promote(s.peer)
	}
}

// returned records that the handler waits for a message, or fetches a queued one.
func (s *RouterStream) returned(waits bool) {
	l := &s.lead
	limit := quickRun
	if l.pace.quick() {
		limit = quickTurn
	}
	switch answered := !s.turn.Load(); {
	case !waits || !answered || l.since.IsZero():
		l.pace.reset()
	case time.Since(l.since) > limit:
		l.pace.reset()
	default:
		l.pace.note(0)
	}
}

// await waits until the stream is woken. In the meantime it reads the connection if
// it has the role.
func (s *RouterStream) await(ctx context.Context) error {
	if s.takeRole() && s.read(ctx) {
		return nil
	}
	select {
	case <-s.wake:
	case <-ctx.Done():
		if s.in.GiveUp() {
			return ctx.Err()
		}
		<-s.wake
	}
	return nil
}

// read reads until the stream is woken, and returns true then. It returns false
// when another goroutine has become the reader, or the connection has ended.
func (s *RouterStream) read(ctx context.Context) (woken bool) {
	p := s.peer
	s.lead.leading.Store(true)
	defer s.lead.leading.Store(false)
	s.interruptWith(ctx)
	for own := false; ; {
		frames, err := p.TryNext()
		if frames == nil && err == nil {
			if own {
				s.keepRole()
				return true
			}
			if woken, wait := s.waits(ctx); !wait {
				p.router.promote(p)
				return woken
			}
			frames, err = p.Next()
		}
		if err != nil {
			if p.passOver(frames, err) {
				continue
			}
			return own
		}
		job := p.take(frames)
		if w := p.woken; w != nil {
			p.woken = nil
			if own = own || w == s; w != s {
				w.wake.Set()
			}
		}
		if job != nil { // which may take long
			s.lead.pace.reset()
			p.router.readers.Go(func() { p.runAndRead(job) })
			return own
		}
	}
}

// waits reports whether the stream, which reads, must go on waiting for the peer.
// Otherwise it was woken, or its context has ended, or the peer does not read.
func (s *RouterStream) waits(ctx context.Context) (woken, ok bool) {
	select {
	case <-s.wake:
		return true, false
	default:
	}
	return false, ctx.Err() == nil && !s.peer.Full()
}

// keepRole is called by the stream that reads when it has its message. It keeps the
// role unless bytes of another message have come.
func (s *RouterStream) keepRole() {
	if s.lead.pace.quick() && !s.peer.Pending() {
		s.peer.giveRole(s)
		return
	}
	s.peer.router.promote(s.peer)
}

// runAndRead runs a job that another goroutine has read, and becomes the reader.
func (p *RouterPeer) runAndRead(job Job) {
	if p.run(job) {
		p.router.follow(p)
	}
}

// wakeUp ends the wait of the receiving goroutine, whether it reads or not. It may
// be called from any goroutine.
func (s *RouterStream) wakeUp() {
	s.wake.Set()
	if s.lead.leading.Load() { // otherwise it checks wake before it reads
		s.peer.Interrupt()
	}
}

// interruptWith lets the end of ctx interrupt the stream while it reads.
func (s *RouterStream) interruptWith(ctx context.Context) {
	l := &s.lead
	s.mu.Lock()
	defer s.mu.Unlock()
	done := ctx.Done()
	if s.over || done == nil || done == l.watched {
		return
	}
	if l.unwatch != nil {
		l.unwatch()
	}
	l.watched = done
	l.unwatch = context.AfterFunc(ctx, func() {
		if l.leading.Load() { // otherwise it checks ctx before it reads
			s.peer.Interrupt()
		}
	})
}
