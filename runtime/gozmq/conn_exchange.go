package gozmq

import (
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An exchange is one attempt of one call, as a socket.Exchange.
type exchange struct {
	method     *Method
	req, reply proto.Message
	deadline   time.Time // zero: none
	bodies     *bodies   // of the Conn
	metadata   Metadata
	err        error // what the reply said
	refused    bool  // and the server did nothing

	replyMetadata *ReplyMetadata // nil: not wanted
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// AppendRequest appends the frames behind the envelope (socket.Exchange).
func (x *exchange) AppendRequest(b []byte) ([]byte, error) {
	if x.method.Bare {
		return x.AppendBody(b, 0)
	}
	h := wire.RequestHeader{Metadata: wire.Metadata(x.metadata)}
	if !x.deadline.IsZero() {
		h.Timeout = max(time.Until(x.deadline), 1)
	}
	b, err := wire.AppendRequest(b, x.method.Procedure, x, h)
	return b, inputError(err)
}

// AppendBody appends the request's body (wire.Body).
func (x *exchange) AppendBody(b []byte, flags byte) ([]byte, error) {
	return x.bodies.append(b, flags, x.req)
}

// AppendCancel appends the request that tells one of our servers that the caller
// has given up. Bare framing has no place for it.
func (x *exchange) AppendCancel(b []byte) ([]byte, bool) {
	if x.method.Bare {
		return b, false
	}
	return wire.AppendCancel(b), true
}

// Deliver decodes the reply (socket.Exchange).
func (x *exchange) Deliver(frames [][]byte) {
	x.refused = false
	x.err = x.decode(frames)
}

// TooLarge ends the call without its reply (socket.Exchange).
func (x *exchange) TooLarge(err *zmtp.SizeError) {
	x.refused = false
	x.err = Errorf(CodeResourceExhausted, "%s: reply of at least %d bytes exceeds the client's limit of %d (ask for less, or raise it with WithMaxMessageSize of Dial)", x.method.Procedure, err.Size, err.Limit)
}

// Refused reports whether the reply says that the server is stopping
// (socket.Refuser).
func (x *exchange) Refused() bool { return x.refused }

func (x *exchange) decode(frames [][]byte) error {
	if x.method.Bare {
		body, err := wire.ParseBareBody("reply", frames)
		if err != nil {
			return Errorf(CodeInternal, "%s: %w", x.method.Procedure, err)
		}
		return x.decodeBody(body)
	}
	r, err := wire.ParseReply(frames)
	if err != nil {
		return Errorf(CodeInternal, "%s: %w", x.method.Procedure, err)
	}
	if (r.Failed() || x.replyMetadata != nil) && len(r.Header) > 0 {
		if err := x.decodeHeader(r.Header); err != nil {
			return err
		}
	}
	if r.Failed() {
		return parseStatus(r.Status)
	}
	return x.decodeBody(r.Body)
}

func (x *exchange) decodeHeader(header []byte) error {
	h, err := wire.ParseReplyHeader(header)
	x.refused = h.Refused
	if x.replyMetadata == nil {
		return nil // nobody asked
	}
	if err != nil {
		return Errorf(CodeInternal, "%s: %w", x.method.Procedure, err)
	}
	x.replyMetadata.Headers, x.replyMetadata.Trailers = Metadata(h.Headers), Metadata(h.Trailers)
	return nil
}

func (x *exchange) decodeBody(body []byte) error {
	if err := x.bodies.decode(body, x.reply); err != nil {
		return Errorf(CodeInternal, "%s: decode %s of %d bytes: %w", x.method.Procedure, nameOf(x.reply), len(body), err)
	}
	return nil
}
