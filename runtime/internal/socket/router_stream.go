package socket

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A RouterStream is a call with several messages, of one peer. Its messages are
// handed to it by the connection's reader. One goroutine at a time may call
// Receive, any number the other methods.
type RouterStream struct {
	// Owner is the Receiver's state for the stream. It is set before the stream is
	// opened.
	Owner any

	peer *RouterPeer
	key  string // the envelope's frames on the wire

	in      stream.Receiver
	handler MessageHandler
	took    int          // the size of the body that was handed over; less than 0: none
	wake    notify.Token // of Receive
	turn    atomic.Bool  // nothing was sent since the last message came
	lead    leader

	sending sync.Mutex // held from the check of the credit to the commit

	mu      sync.Mutex
	out     stream.Sender    // both locks guard it
	closed  bool             // the client sends no more
	over    bool             // written with both locks
	err     error            // why it is over
	changed notify.Broadcast // of out and over
}

// ErrUnread says that the streams of a connection have too many unreceived
// messages.
var ErrUnread = stream.ErrUnread

// NewStream returns a stream with that envelope. start is the Stream of its first
// message's header.
func (p *RouterPeer) NewStream(e wire.Envelope, start wire.Stream) *RouterStream {
	s := &RouterStream{peer: p, key: string(e.Append(nil)), wake: notify.NewToken(), took: -1}
	s.in.Init(FirstWindow, p.router.windows)
	s.in.Share(p.unread)
	start = start.Unlimited()
	s.out.Init(stream.Credit{Messages: start.Messages, Bytes: start.Bytes})
	return s
}

// Open registers the stream, so that it gets the connection's messages. It returns
// false when one with the same envelope is open.
func (s *RouterStream) Open() bool { return s.peer.streams.add(s) }

// Push queues a message of the client, whose body is valid during the call only. It
// returns stream.ErrCredit when the client had no credit for it, and ErrUnread when
// too many messages are unreceived. The reader calls it.
func (s *RouterStream) Push(body []byte) error {
	handOver, err := s.in.Push(body, s.peer.ReadAt())
	if handOver {
		s.handler.Message(body)
		s.took = len(body)
		s.peer.woken = s
	} else if err == nil {
		s.peer.paceUnread(len(body))
	}
	return err
}

// Got returns how many messages of the client have come.
func (s *RouterStream) Got() uint64 { return s.in.Got().Messages }

// CloseReceive records the client's half-close. It returns false when the stream
// already had it.
func (s *RouterStream) CloseReceive() bool {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	if s.in.Close() {
		s.wakeUp()
	}
	return !was
}

// Closed reports whether the client has sent its half-close.
func (s *RouterStream) Closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Grant records credit from the client. It returns false when it is no more than
// before.
func (s *RouterStream) Grant(h wire.Stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.out.Grant(stream.Credit{Messages: h.Messages, Bytes: h.Bytes}) {
		return false
	}
	s.changed.Notify()
	return true
}

// Discard drops the unreceived messages. Receive must not be called afterwards.
func (s *RouterStream) Discard() {
	s.yield()
	if s.in.Discard() {
		s.wakeUp()
	}
}

// Receive waits for the next message and passes it to h, possibly in another
// goroutine. It returns false without an error when no message will follow, and
// ctx's error when ctx ends while it waits.
func (s *RouterStream) Receive(ctx context.Context, h MessageHandler) (bool, error) {
	for {
		if body, ok := s.in.Next(); ok {
			s.returned(false)
			s.yield()
			h.Message(body)
			s.consumed(len(body))
			s.lead.since = time.Time{} // nobody waits for an answer alone
			return true, nil
		}
		s.returned(true)
		s.handler, s.took = h, -1
		if !s.in.Wait() {
			if s.in.Empty() {
				return false, nil
			}
			continue
		}
		if err := s.await(ctx); err != nil {
			return false, err
		}
		if s.took >= 0 {
			s.consumed(s.took)
			s.lead.since = time.Now()
			return true, nil
		}
	}
}

// consumed counts a received message, and grants credit when enough has been
// consumed.
func (s *RouterStream) consumed(size int) {
	if !s.turn.Load() {
		s.turn.Store(true)
	}
	if c, ok := s.in.Consumed(size); ok {
		_ = s.sendForced(func(b []byte) ([]byte, error) { return wire.AppendStreamReplyControl(b, grantOf(c), nil) })
	}
}

// Send sends a message. It waits for credit, and for room in the connection's
// queue. It returns ctx's error when ctx ends first, the body's error, and a
// *link.LimitError when the message exceeds the client's announced limit: in all
// three cases nothing was sent. When the stream is over it returns ErrStreamOver.
func (s *RouterStream) Send(ctx context.Context, body wire.Body) error {
	for {
		s.sending.Lock()
		changed, err := s.credit()
		if err == nil && changed == nil {
			err = s.trySend(body)
		}
		s.sending.Unlock()
		switch {
		case changed != nil:
			s.yield()
			select {
			case <-changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		case errors.Is(err, link.ErrFull):
			if err := s.awaitRoom(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// credit returns a channel that is closed when there may be credit, nil when
// there is some. s.sending is held.
func (s *RouterStream) credit() (<-chan struct{}, error) {
	switch {
	case s.over:
		return nil, ErrStreamOver
	case s.out.Ready():
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out.Look() {
		return nil, nil
	}
	return s.changed.Changed(), nil
}

// trySend sends a message for which there is credit. s.sending is held.
func (s *RouterStream) trySend(body wire.Body) error {
	p := s.peer
	b, err := p.Begin()
	if err != nil {
		if errors.Is(err, link.ErrFull) {
			return err
		}
		return ErrStreamOver // the stream is about to end
	}
	done := false
	defer func() {
		if !done {
			p.Abort()
		}
	}()
	start := len(b)
	b, size, err := wire.AppendStreamReply(append(b, s.key...), body)
	if err == nil {
		err = p.Fits(b[start:])
	}
	if err != nil {
		return err
	}
	done = true
	if s.turn.Load() && s.turn.Swap(false) {
		p.Commit(b)
	} else {
		p.CommitLater(b)
	}
	s.out.Sent(size)
	return nil
}

// awaitRoom returns nil when the connection's queue may have room, or the stream is
// over.
func (s *RouterStream) awaitRoom(ctx context.Context) error {
	p := s.peer
	s.mu.Lock()
	changed := s.changed.Changed()
	over := s.over
	s.mu.Unlock()
	room := p.roomChanged()
	if over || !p.Full() {
		return nil
	}
	s.yield()
	select {
	case <-room:
	case <-changed:
	case <-p.Closed():
		return ErrStreamOver
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// SendHeaders sends the headers of the reply, which must have passed Check.
func (s *RouterStream) SendHeaders(headers wire.Metadata) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.Over() {
		return ErrStreamOver
	}
	return s.sendForced(func(b []byte) ([]byte, error) {
		return wire.AppendStreamReplyControl(b, wire.Stream{Present: true}, headers)
	})
}

// Finish ends the stream because of err, and wakes its waiting goroutines.
// appendEnd, unless it is nil, appends the last reply after the envelope; if it
// fails, the stream goes on. Finish returns false when the stream is already over.
func (s *RouterStream) Finish(err error, appendEnd func(b []byte) ([]byte, error)) (first bool, _ error) {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.Over() {
		return false, nil
	}
	if appendEnd != nil {
		if err := s.sendForced(appendEnd); err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	s.over, s.err = true, err
	s.changed.Notify()
	unwatch := s.lead.unwatch
	s.lead.unwatch = nil
	s.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
	if !s.Closed() {
		s.peer.allowLate(s.in.Unused())
	}
	s.peer.streams.remove(s.key)
	if s.in.Close() {
		s.wakeUp()
	}
	return true, nil
}

// Over reports whether the stream has ended.
func (s *RouterStream) Over() bool {
	_, over := s.Err()
	return over
}

// Err returns why the stream has ended, if it has.
func (s *RouterStream) Err() (why error, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err, s.over
}

// sendForced sends the client a message that needs no credit and ignores the
// high-water mark. It does nothing when the client is gone.
func (s *RouterStream) sendForced(appendFrames func(b []byte) ([]byte, error)) error {
	return s.peer.Reply(func(b []byte) ([]byte, error) { return appendFrames(append(b, s.key...)) })
}
