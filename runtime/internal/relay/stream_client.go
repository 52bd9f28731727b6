package relay

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A streamClient is one connection of a client, as far as its streams go. Its
// goroutine takes what may belong to a stream off the other requests, and
// passes it on itself: a server that has no room holds up this client only.
type streamClient struct {
	relay *reqRep
	conn  *link.Conn
	route []byte
	key   []byte // of the message at hand

	// The table's lock guards these.
	open  map[*stream]struct{}
	ended endedStreams
}

func (r *reqRep) newStreamClient(c *link.Conn, route []byte) socket.RouterClient {
	return &streamClient{relay: r, conn: c, route: route}
}

// ofStream reports whether a request is for a streamClient. It looks at nothing but
// the request.
func ofStream(frames [][]byte) (e wire.Envelope, content [][]byte, start, later bool) {
	e, content, ok := wire.SplitEnvelope(frames)
	if ok {
		start, later = wire.MayStream(content)
	}
	return e, content, start, later
}

// Take passes a message of a stream on (socket.RouterClient).
func (c *streamClient) Take(frames [][]byte) bool {
	e, content, start, later := ofStream(frames)
	if !start && !later {
		return false
	}
	r := c.relay
	c.key = streamKey(c.key[:0], c.route, e)
	out := &socket.Frames{Route: c.route, Parts: frames}
	if r.tooLarge(out) {
		r.dropped.Add(1)
		c.conn.Malformed(tooLargeText, len(out.Parts), out.Size(), MaxFrames, r.limit)
		c.refuse(start, endTooLarge)
		return true
	}
	if r.capture != nil {
		r.capture(false, frames)
	}
	c.conn.Pause() // it may have to wait
	defer c.conn.Unpause()
	if start {
		c.start(out)
	} else {
		c.pass(out, content)
	}
	if cap(c.key) > 2*maxStreamEnvelope {
		c.key = nil
	}
	return true
}

// refuse ends a stream that cannot go on.
func (c *streamClient) refuse(start bool, end wire.Status) {
	if s, server := c.relay.streams.find(c.key); s != nil {
		c.relay.end(s, server, end)
	} else if start {
		c.sendEnd(end)
	}
}

// sendEnd ends the stream of the message at hand, which no server has.
func (c *streamClient) sendEnd(end wire.Status) {
	c.relay.router.SendForced(c.route, appendEnd(c.key[len(wire.AppendRoute(nil, c.route)):], end))
}

// start sends the first message of a stream to a server, and notes to which.
func (c *streamClient) start(out *socket.Frames) {
	r := c.relay
	if len(c.key) > maxStreamEnvelope {
		r.dropped.Add(1)
		c.sendEnd(endLongEnvelope)
		return
	}
	s := &stream{key: string(c.key), client: c}
	same, ok := r.streams.add(s)
	switch {
	case same != nil:
		r.dropped.Add(1)
		c.refuse(true, endTwice)
		return
	case !ok:
		r.dropped.Add(1)
		c.sendEnd(endTooMany)
		return
	}
	err := r.dealer.SendPlaced(r.ctx, out, func(server *link.Conn) { r.streams.place(s, server) })
	if err != nil {
		r.dropped.Add(1)
		r.streams.remove(s)
		c.sendEnd(endClosing)
		return
	}
	r.toBack.Add(1)
}

// pass sends a later message of a stream to its server.
func (c *streamClient) pass(out *socket.Frames, content [][]byte) {
	r := c.relay
	s, server := r.streams.find(c.key)
	if s == nil {
		if r.streams.endedLately(c, c.key) {
			r.dropped.Add(1)
		} else {
			r.count(r.dealer.Send(r.ctx, out)) // whatever it is, a server answers it
		}
		return
	}
	err := r.dealer.SendTo(r.ctx, server, out)
	r.count(err)
	switch {
	case errors.Is(err, socket.ErrServerGone):
		r.end(s, nil, endLost)
	case wire.CancelsStream(content):
		r.streams.remove(s)
	}
}

// Gone cancels the streams of a client that is gone (socket.RouterClient).
func (c *streamClient) Gone() {
	for _, s := range c.relay.streams.takeClients(c) {
		c.relay.cancel(s.key, s.server)
	}
}
