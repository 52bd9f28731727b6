package socket

import "github.com/gozmq/gozmq/runtime/internal/wire"

// shortestRun is how many bytes that were read and not yet handed out make it worth
// while to look for further messages of a stream among them.
const shortestRun = 64

// takeRun queues the messages that follow one of the stream's and look like
// those of a busy stream: short, and with nothing but a body. Finding their frames
// one by one would cost more than all the rest. The reader calls it.
func (s *DealerStream) takeRun() {
	c := s.peer.conn
	for b := c.Ahead(); len(b) >= shortestRun && c.MaxMessageSize() >= wire.ShortFrame; b = c.Ahead() {
		n, messages := s.in.PushRun(b, s.plainReply, c.ReadAt())
		if n == 0 {
			return
		}
		c.TakeAhead(n, messages)
		s.peer.hung.replies.Add(uint64(messages))
	}
}

func (s *DealerStream) plainReply(b []byte) (body []byte, n int) {
	return wire.PlainStreamReply(b, s.id)
}

// takeRun is that of DealerStream.
func (s *RouterStream) takeRun() {
	p := s.peer
	for b := p.Ahead(); len(b) >= shortestRun && p.MaxMessageSize() >= wire.ShortFrame; b = p.Ahead() {
		n, messages := s.in.PushRun(b, s.plainMessage, p.ReadAt())
		if n == 0 {
			return
		}
		p.TakeAhead(n, messages)
	}
}

func (s *RouterStream) plainMessage(b []byte) (body []byte, n int) {
	return wire.PlainStreamMessage(b, s.key)
}
