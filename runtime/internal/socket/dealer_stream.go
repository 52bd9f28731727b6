package socket

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A MessageHandler gets the messages of a stream, one at a time.
type MessageHandler interface {
	// Message decodes a body, which is valid during the call only. It may be called
	// in any goroutine while Receive waits.
	Message(body []byte)
}

// A StreamStart makes the first message of a stream.
type StreamStart interface {
	// AppendStart appends the frames after the envelope, and returns the size of
	// the body; less than 0 if the body is not a message. It is called again when a
	// peer's connection ends before the message was sent.
	AppendStart(b []byte) (out []byte, size int, err error)
}

// A StreamEnd says how a stream has ended.
type StreamEnd struct {
	// Err is set when the peer did not end the stream: a *LostError, a
	// *zmtp.SizeError, the argument of Cancel, or the fault of a reply.
	Err error
	// Unsent says that the connection was lost before the peer can have received
	// any part of the stream.
	Unsent bool
	// Reply is the last reply of a stream without Err.
	Reply wire.Reply
}

var (
	// ErrStreamOver is returned when the stream has ended.
	ErrStreamOver = errors.New("the stream is over")
	// ErrStreamClosed is returned by a Send after CloseSend.
	ErrStreamClosed = errors.New("the stream is closed for sending")
)

// FirstWindow is the initial credit that each side of a stream grants.
var FirstWindow = stream.Credit{Messages: wire.FirstMessages, Bytes: wire.FirstBytes}

// windowBudget bounds the growth of the windows of all streams of a socket
// together, in bytes.
const windowBudget = 256 << 20

// A DealerStream is a call with several messages, at one peer. It has no goroutine:
// a goroutine that waits for it may become the reader of its connection, as callers
// do. One goroutine at a time may call Receive, any number the other methods.
type DealerStream struct {
	peer     *dealerPeer
	id       uint64
	callDone <-chan struct{} // of the call's context, with which the caller cancels the stream
	answered uint64          // the number of the peer's replies before the stream

	in       stream.Receiver
	receiver waiter
	handler  MessageHandler
	took     int         // the size of the body that was handed over; less than 0: none
	turn     atomic.Bool // nothing was sent since the last message came
	spoken   atomic.Bool // something was sent after the start

	sending sync.Mutex // held from the check of the credit to the commit
	closed  bool       // for sending

	done    atomic.Bool // over, for whoever has no lock
	mu      sync.Mutex
	out     stream.Sender // both locks guard it
	senders []*waiter     // goroutines that wait for credit
	headers wire.Metadata
	over    bool
	end     StreamEnd
	ended   notify.Broadcast
	watched <-chan struct{} // of the context whose end interrupts the reader
	unwatch func() bool
}

// OpenStream opens a stream at the peer with the fewest calls in flight and
// sends its start. It waits up to ready for a peer, or without limit if ready
// is 0. It returns the errors of Do and of AppendStart. The caller must cancel the
// stream when call is closed.
func (d *Dealer) OpenStream(ctx context.Context, call <-chan struct{}, start StreamStart, ready time.Duration) (*DealerStream, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := d.pick(ctx, ready)
		if err != nil {
			return nil, err
		}
		at(start, p)
		s, err := p.openStream(ctx, call, start, d.windows)
		if err == nil || !errors.As(err, new(*LostError)) {
			return s, err
		}
		moved(start, err)
		d.counts.moved.Add(1)
		d.drop(p)
	}
}

// openStream opens a stream that has already been counted as a call in flight.
func (p *dealerPeer) openStream(ctx context.Context, call <-chan struct{}, start StreamStart, windows *stream.Budget) (*DealerStream, error) {
	s := &DealerStream{peer: p, callDone: call, answered: p.hung.answered(), took: -1}
	s.receiver = waiter{stream: s, ch: make(chan signal, 1)}
	s.in.Init(FirstWindow, windows)
	s.out.Init(FirstWindow)
	s.sending.Lock()
	defer s.sending.Unlock()
	p.mu.Lock()
	i, err := p.takeSlot()
	if err == nil {
		p.slots[i].stream = s
		s.id = p.slots[i].id(int(i))
	}
	p.mu.Unlock()
	if err != nil {
		p.done()
		return nil, err
	}
	if err := s.sendStart(ctx, start); err != nil {
		// Nobody else knows of the stream.
		s.finish(StreamEnd{Err: err}, nil)
		return nil, err
	}
	return s, nil
}

// sendStart waits while the connection's queue is full.
func (s *DealerStream) sendStart(ctx context.Context, start StreamStart) error {
	size := 0
	for {
		err := s.peer.write(s.id, (*link.Conn).Commit, func(b []byte) (out []byte, err error) {
			if s.peer.leaving.Load() { // looked at under the lock of the PONG that confirms the goodbye
				return b, &LostError{errLeaving}
			}
			out, size, err = start.AppendStart(b)
			return out, err
		})
		if errors.Is(err, link.ErrFull) {
			if err = s.peer.awaitRoom(ctx, nil); err == nil {
				continue
			}
		}
		if err == nil && size >= 0 {
			s.out.Sent(size)
		}
		return err
	}
}

// Headers returns the reply's headers, if they have come.
func (s *DealerStream) Headers() wire.Metadata {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.headers
}

// End returns how the stream has ended; ok is false while it has not.
func (s *DealerStream) End() (end StreamEnd, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end, s.over
}

// Over returns a channel that is closed when the stream is over.
func (s *DealerStream) Over() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return closedChan
	}
	return s.ended.Changed()
}

// closedChan is closed.
var closedChan = func() chan struct{} {
	ch := make(chan struct{})
	close(ch)
	return ch
}()

// Answered reports whether the peer has sent a message, or has ended the stream.
func (s *DealerStream) Answered() bool { return s.in.Got().Messages > 0 }

// Spoken reports whether more than the start was sent.
func (s *DealerStream) Spoken() bool { return s.spoken.Load() }

// AvoidPeer stops sending calls to the peer, because it reported that it is
// stopping. It returns whether there is another peer.
func (s *DealerStream) AvoidPeer(d *Dealer) bool {
	d.drop(s.peer)
	return d.Peers() > 0
}

// Cancel ends the stream with err, unless it is over, and sends the peer a cancel.
func (s *DealerStream) Cancel(err error) {
	if _, first := s.finish(StreamEnd{Err: err}, nil); first {
		s.sendForced(wire.AppendCancel)
		if errors.Is(err, context.DeadlineExceeded) {
			s.peer.hung.timedOut(s.answered)
		}
	}
}

// sendForced sends the peer a message that needs no credit and ignores the
// high-water mark.
func (s *DealerStream) sendForced(appendFrames func(b []byte) []byte) {
	b, err := s.peer.conn.BeginForced()
	if err != nil {
		return
	}
	s.peer.conn.Commit(appendFrames(wire.AppendCallID(b, s.id)))
}

// finish ends the stream and wakes all goroutines that wait for it. own reports
// whether self, which gets no signal, was among them.
func (s *DealerStream) finish(end StreamEnd, self *waiter) (own, first bool) {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return false, false
	}
	s.over, s.end = true, end
	s.done.Store(true)
	senders := s.senders
	s.senders = nil
	s.ended.Notify()
	unwatch := s.unwatch
	s.unwatch, s.watched = nil, nil
	s.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
	s.peer.releaseStream(s)
	if s.in.Close() {
		own = s.peer.wake(&s.receiver, self)
	}
	for _, w := range senders {
		own = s.peer.wake(w, self) || own
	}
	return own, true
}

// deliver handles a reply of the stream, or its size error, in the goroutine that
// reads the connection. It returns whether self waited for it.
func (s *DealerStream) deliver(content [][]byte, size *zmtp.SizeError, self *waiter) (own bool) {
	if size != nil {
		return s.reject(size, self)
	}
	r, err := wire.ParseReply(content)
	if err != nil {
		return s.reject(err, self)
	}
	h, err := wire.ParseReplyHeader(r.Header)
	switch {
	case err != nil && (h.Stream.Present || !r.Failed()):
		return s.reject(err, self)
	case !h.Stream.Present:
		end := StreamEnd{Reply: wire.Reply{Status: bytes.Clone(r.Status), Body: bytes.Clone(r.Body), Header: bytes.Clone(r.Header)}}
		own, _ = s.finish(end, self)
		return own
	}
	if len(h.Headers) > 0 {
		s.mu.Lock()
		s.headers = h.Headers
		s.mu.Unlock()
	}
	if h.Stream.Messages|h.Stream.Bytes != 0 {
		own = s.grant(stream.Credit{Messages: h.Stream.Messages, Bytes: h.Stream.Bytes}, self)
	}
	if h.Stream.NoMessage {
		return own
	}
	return s.push(r.Body, self) || own
}

// push hands a message to the goroutine that waits for it, or queues it.
func (s *DealerStream) push(body []byte, self *waiter) bool {
	handOver, err := s.in.Push(body, s.peer.conn.ReadAt())
	switch {
	case err != nil:
		s.peer.conn.Malformed("stream: %w", err)
		return s.reject(err, self)
	case !handOver:
		return false
	}
	s.handler.Message(body)
	s.took = len(body)
	return s.peer.wake(&s.receiver, self)
}

// reject ends the stream because of an invalid message from the peer, and sends the
// peer a cancel.
func (s *DealerStream) reject(err error, self *waiter) bool {
	own, first := s.finish(StreamEnd{Err: err}, self)
	if first {
		s.sendForced(wire.AppendCancel)
	}
	return own
}

// grant records credit and wakes the senders that wait for it.
func (s *DealerStream) grant(c stream.Credit, self *waiter) (own bool) {
	s.mu.Lock()
	s.out.Grant(c)
	senders := s.senders
	s.senders = nil
	s.mu.Unlock()
	for _, w := range senders {
		own = s.peer.wake(w, self) || own
	}
	return own
}

// failStreams ends the streams of a lost connection.
func (p *dealerPeer) failStreams(unsent map[uint64]struct{}) {
	var lost []*DealerStream
	p.mu.Lock()
	for i := range p.slots {
		if s := p.slots[i].stream; s != nil {
			lost = append(lost, s)
		}
	}
	err := &LostError{p.err}
	p.mu.Unlock()
	for _, s := range lost {
		_, begun := unsent[s.id]
		s.finish(StreamEnd{Err: err, Unsent: begun && !s.spoken.Load()}, nil)
	}
}

// releaseStream frees the stream's slot.
func (p *dealerPeer) releaseStream(s *DealerStream) {
	p.mu.Lock()
	i := uint32(s.id)
	p.slots[i].stream = nil
	p.free = append(p.free, i)
	p.mu.Unlock()
	p.done()
}
