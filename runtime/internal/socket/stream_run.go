package socket

import (
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// shortestRun is how many bytes that were read and not yet handed out make it worth
// while to look for further messages of a stream among them.
const shortestRun = 64

// takeRun queues the messages that follow one of a stream's and look like those of
// a busy stream: short, and with nothing but a body, which plain finds. Finding
// their frames one by one would cost more than all the rest. It returns how many
// messages it queued. The reader calls it.
func takeRun(c *link.Conn, in *stream.Receiver, plain func(b []byte) (body []byte, n int)) (queued int) {
	for b := c.Ahead(); len(b) >= shortestRun && c.MaxMessageSize() >= zmtp.MaxShort; b = c.Ahead() {
		n, messages := in.PushRun(b, plain, c.ReadAt())
		if n == 0 {
			break
		}
		c.TakeAhead(n, messages)
		queued += messages
	}
	return queued
}

func (s *DealerStream) takeRun() {
	if n := takeRun(s.peer.conn, &s.in, s.plainReply); n > 0 {
		s.peer.hung.replies.Add(uint64(n))
	}
}

func (s *DealerStream) plainReply(b []byte) (body []byte, n int) {
	return wire.PlainStreamReply(b, s.id)
}

func (s *RouterStream) takeRun() { takeRun(s.peer.Conn, &s.in, s.plainMessage) }

func (s *RouterStream) plainMessage(b []byte) (body []byte, n int) {
	return wire.PlainStreamMessage(b, s.key)
}
