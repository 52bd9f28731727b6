package socket

import (
	"bytes"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Stop gives m, which tells a peer to end, to every peer, whether or not its
// queue is full. No message follows it to a peer of ours; others, such as
// proxies, may pass it on and stay. If a peer goes before it was sent m, that
// goes to nobody else. m is the same in all calls.
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
	p.change.Notify() // who waits for room wants other peers now
	return nil
}

// stopped knows which peers were told to end, and with which message.
type stopped struct {
	frames []byte // of the message; nil: none was told
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

// is reports whether a message is the one that tells peers to end.
func (s *stopped) is(message []byte) bool { return s.frames != nil && bytes.Equal(message, s.frames) }

// without returns messages without those that tell peers to end.
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
