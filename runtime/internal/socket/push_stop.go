package socket

import (
	"bytes"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Stop sends m, the command to end, to every peer, even if its queue is full. A
// peer that announces X-Gozmq gets no message after m; other peers, such as
// proxies, may pass m on and stay. If a peer goes before m was sent to it, m does
// not go to another one. m must be the same in all calls.
func (p *Push) Stop(m Message) error {
	frames, err := m.AppendMessage(nil)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return link.ErrClosed
	}
	p.stops.frames = frames
	for _, c := range p.peers {
		b, err := c.BeginForced()
		if err != nil {
			continue // its connection has ended
		}
		c.CommitLater(append(b, frames...))
		if c.Gozmq() {
			p.stops.add(c)
		}
	}
	p.change.Notify() // senders that wait for room must choose among other peers now
	return nil
}

// stopped records which peers were told to end, and with which message.
type stopped struct {
	frames []byte // of the message; nil: no peer was stopped
	peers  map[*link.Conn]struct{}
}

func (s *stopped) add(c *link.Conn) {
	if s.peers == nil {
		s.peers = make(map[*link.Conn]struct{})
	}
	s.peers[c] = struct{}{}
}

func (s *stopped) has(c *link.Conn) bool {
	_, ok := s.peers[c]
	return ok
}

func (s *stopped) len() int { return len(s.peers) }

func (s *stopped) forget(c *link.Conn) { delete(s.peers, c) }

// is reports whether a message is the command to end.
func (s *stopped) is(message []byte) bool { return s.frames != nil && bytes.Equal(message, s.frames) }

// without returns messages without the command to end.
func (s *stopped) without(messages []byte) []byte {
	if s.frames == nil || !bytes.Contains(messages, s.frames) {
		return messages
	}
	kept := make([]byte, 0, len(messages))
	for len(messages) > 0 {
		size := zmtp.MessageSize(messages)
		if !s.is(messages[:size]) {
			kept = append(kept, messages[:size]...)
		}
		messages = messages[size:]
	}
	return kept
}
