package relay

import (
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// TooLarge answers a request that was skipped, as a server does
// (socket.RouterClient). It drops a request with bare framing, which has no room
// for an answer.
func (c *streamClient) TooLarge(_ *link.Conn, frames [][]byte, size *zmtp.SizeError) {
	r := c.relay
	r.dropped.Add(1)
	e, procedure, ok := wire.SplitBeginning(frames)
	if !ok {
		return
	}
	c.key = streamKey(c.key[:0], c.route, e)
	end := passedOver("request", size)
	s, server := r.streams.find(c.key)
	switch {
	case s != nil:
		r.end(s, server, end)
	case len(procedure) > 0 || !r.streams.endedLately(c, c.key):
		r.router.Answer(c.route, appendEnd(c.key[len(wire.AppendRoute(nil, c.route)):], end))
	}
	if cap(c.key) > 2*maxStreamEnvelope {
		c.key = nil
	}
}

// TooLarge sends the client an error in place of a reply that was skipped
// (socket.OversizedReceiver). If the reply belongs to a stream, the stream ends on
// both sides.
func (r *reqRep) TooLarge(server *link.Conn, frames [][]byte, size *zmtp.SizeError) {
	r.dropped.Add(1)
	route, own := socket.SplitRoute(frames)
	e, _, ok := wire.SplitBeginning(own)
	if !ok {
		return
	}
	end := passedOver("reply", size)
	if s, of := r.streams.find(streamKey(nil, route, e)); s != nil {
		if of == server {
			r.end(s, server, end)
		}
		return
	}
	r.router.Answer(route, appendEnd(e.Append(nil), end))
}

// answerTooLarge answers a request that was read and cannot be passed on.
func (r *reqRep) answerTooLarge(route []byte, frames [][]byte, reason string) {
	e, content, ok := wire.SplitEnvelope(frames)
	if !ok {
		return
	}
	if request, _ := wire.ParseRequest(content); len(request.Procedure) == 0 {
		return // bare framing, or a cancel
	}
	r.router.Answer(route, appendEnd(e.Append(nil), wire.Status{Code: resourceExhausted, Message: "proxy: " + reason}))
}

// passedOver is the status of a call whose request or reply was skipped.
func passedOver(what string, size *zmtp.SizeError) wire.Status {
	return wire.Status{Code: resourceExhausted, Message: "proxy: " + what + " passed over: " + size.Error()}
}
