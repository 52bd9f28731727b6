package call

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Message encodes the request of a call and decodes its reply.
type Message interface {
	// AppendBody appends the request's body. It is called for each attempt.
	wire.Body
	// Decode decodes the reply's body, which is valid during the call only. The
	// call fails with its error.
	Decode(body []byte) error
}

// An Exchange is a call of one request and one reply, as a socket.Exchange. One
// call at a time may use it.
type Exchange struct {
	Method   Method
	Message  Message
	Metadata wire.Metadata
	Wait     bool // wait for a server until the context ends

	// WantsMetadata makes Do store the metadata of the last attempt's reply.
	WantsMetadata     bool
	Headers, Trailers wire.Metadata

	// Trace follows the call's attempts; may be nil. Reason is the first attempt's.
	Trace  *Trace
	Reason Reason

	// Deadline is the context's deadline, zero for none. Do sets it.
	Deadline time.Time

	err     error // the reply's error
	refused bool  // the server has not carried out the call
	tracer  *tracer
}

var (
	_ socket.Exchange = (*Exchange)(nil)
	_ socket.Mover    = (*Exchange)(nil)
)

// begin clears the results of an earlier attempt.
func (x *Exchange) begin() {
	x.Headers, x.Trailers = nil, nil
	x.err, x.refused = nil, false
}

// AppendRequest appends the frames after the envelope (socket.Exchange).
func (x *Exchange) AppendRequest(b []byte) ([]byte, error) {
	if x.Method.Bare {
		return x.Message.AppendBody(b, 0)
	}
	h := wire.RequestHeader{Metadata: x.Metadata}
	if !x.Deadline.IsZero() {
		h.Timeout = max(time.Until(x.Deadline), 1)
	}
	b, err := wire.AppendRequest(b, x.Method.Procedure, x.Message, h)
	return b, status.Input(err)
}

// AppendCancel appends the request that cancels the call (socket.Canceler). Bare
// framing has no room for it.
func (x *Exchange) AppendCancel(b []byte) ([]byte, bool) {
	if x.Method.Bare {
		return b, false
	}
	return wire.AppendCancel(b), true
}

// Deliver decodes the reply (socket.Exchange).
func (x *Exchange) Deliver(frames [][]byte) {
	x.refused = false
	x.err = x.decode(frames)
}

// TooLarge ends the call without its reply (socket.Exchange).
func (x *Exchange) TooLarge(err *zmtp.SizeError) {
	x.refused = false
	x.err = status.Errorf(status.ResourceExhausted, "%s: reply of at least %d bytes exceeds the client's limit of %d (ask for less, or raise it with WithMaxMessageSize of Dial)", x.Method.Procedure, err.Size, err.Limit)
}

// At records the server that gets the request (socket.Mover).
func (x *Exchange) At(server *link.Conn) { x.tracer.at(server) }

// Moved records that another server will get the request (socket.Mover).
func (x *Exchange) Moved(err error) {
	if x.tracer == nil {
		return
	}
	if err == nil {
		err = x.err
	} else {
		err = lost(err, x.Method.Procedure)
	}
	x.tracer.end(err)
	x.tracer.begin(Failover)
}

// Refused reports whether the reply says that the server is stopping
// (socket.Refuser).
func (x *Exchange) Refused() bool { return x.refused }

func (x *Exchange) decode(frames [][]byte) error {
	if x.Method.Bare {
		body, err := wire.ParseBareBody("reply", frames)
		if err != nil {
			return x.malformed(err)
		}
		return x.Message.Decode(body)
	}
	r, err := wire.ParseReply(frames)
	if err != nil {
		return x.malformed(err)
	}
	if (r.Failed() || x.WantsMetadata) && len(r.Header) > 0 {
		if err := x.decodeHeader(r.Header); err != nil {
			return err
		}
	}
	if r.Failed() {
		return status.Parse(r.Status)
	}
	return x.Message.Decode(r.Body)
}

func (x *Exchange) decodeHeader(header []byte) error {
	h, err := wire.ParseReplyHeader(header)
	x.refused = h.Refused
	if !x.WantsMetadata {
		return nil // WantsMetadata is not set
	}
	if err != nil {
		return x.malformed(err)
	}
	x.Headers, x.Trailers = h.Headers, h.Trailers
	return nil
}

func (x *Exchange) malformed(err error) error {
	return status.Errorf(status.Internal, "%s: %w", x.Method.Procedure, err)
}
