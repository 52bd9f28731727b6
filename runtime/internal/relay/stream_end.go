package relay

import (
	"errors"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// Codes of google.rpc.Code.
const (
	invalidArgument   = 3
	resourceExhausted = 8
	unavailable       = 14
)

// The ends that a proxy gives to streams.
var (
	endLost         = wire.Status{Code: unavailable, Message: "proxy: the server of the stream is gone"}
	endClosing      = wire.Status{Code: unavailable, Message: "proxy: it is closing"}
	endTwice        = wire.Status{Code: invalidArgument, Message: "proxy: a stream with this envelope is open already"}
	endSlow         = wire.Status{Code: resourceExhausted, Message: "proxy: the client does not read what it has granted credit for (more than 16 times the bytes of WithSendQueue wait for it)"}
	endTooLarge     = wire.Status{Code: resourceExhausted, Message: "proxy: message exceeds the proxy's limit (WithMaxMessageSize)"}
	endTooMany      = wire.Status{Code: resourceExhausted, Message: fmt.Sprintf("proxy: %d streams are open on one connection", maxStreams)}
	endLongEnvelope = wire.Status{Code: resourceExhausted, Message: fmt.Sprintf("proxy: the envelope of a stream has more than %d bytes", maxStreamEnvelope)}
)

// maxEnd is how many bytes a status of ours has at most.
const maxEnd = 1 << 10

// appendEnd returns the last reply of a stream, whose envelope is on the wire
// already.
func appendEnd[E ~string | ~[]byte](envelope E, end wire.Status) []byte {
	b, _ := wire.AppendFailure(append([]byte(nil), envelope...), wire.AppendStatus(nil, end, maxEnd), wire.ReplyHeader{})
	return b
}

// end ends an open stream: it sends the client the end, and the server, unless it
// is nil, a cancel.
func (r *reqRep) end(s *stream, server *link.Conn, end wire.Status) {
	if !r.streams.remove(s) {
		return
	}
	r.sendEnd(s, end)
	r.cancel(s.key, server)
}

// sendEnd sends a client the end of its stream.
func (r *reqRep) sendEnd(s *stream, end wire.Status) {
	route := s.client.route
	r.router.SendForced(route, appendEnd(s.key[len(wire.AppendRoute(nil, route)):], end))
}

// cancel sends a server the cancel of a stream.
func (r *reqRep) cancel(key string, server *link.Conn) {
	if server != nil {
		r.dealer.SendForced(server, wire.AppendCancel([]byte(key)))
	}
}

// Lost ends the streams of a server that is gone (socket.DealerReceiver).
func (r *reqRep) Lost(c *link.Conn) {
	for _, s := range r.streams.takeServers(c) {
		r.sendEnd(s, endLost)
	}
}

// Stays reports whether a request belongs to a stream (socket.DealerReceiver): when
// its server is gone, so is the stream.
func (r *reqRep) Stays(frames [][]byte) bool {
	_, request := socket.SplitRoute(frames)
	_, _, start, later := ofStream(request)
	return start || later
}

// noteReply removes the stream of a reply that is its last one, or that was not
// passed on because of err.
func (r *reqRep) noteReply(server *link.Conn, reply [][]byte, err error) {
	if r.streams.size.Load() == 0 {
		return
	}
	route, own := socket.SplitRoute(reply)
	e, content, ok := wire.SplitEnvelope(own)
	if !ok {
		return
	}
	full := errors.Is(err, link.ErrFull)
	if !full && wire.GoesOn(content) {
		return
	}
	var scratch [maxStreamEnvelope]byte
	s, of := r.streams.find(streamKey(scratch[:0], route, e))
	switch {
	case s == nil || of != server:
	case full:
		r.end(s, server, endSlow)
	default:
		r.streams.remove(s)
	}
}
