package gozmq

import (
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
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

// AppendRequest appends method, body and, where there is a deadline, header.
func (x *exchange) AppendRequest(b []byte) ([]byte, error) {
	if x.method.Bare {
		return x.bodies.append(b, 0, x.req)
	}
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, x.method.Procedure)
	if x.deadline.IsZero() && len(x.metadata) == 0 {
		return x.bodies.append(b, 0, x.req)
	}
	b, err := x.bodies.append(b, zmtp.FlagMore, x.req)
	if err != nil {
		return b, err
	}
	if len(x.metadata) == 0 {
		return appendRequestHeader(b, time.Until(x.deadline)), nil
	}
	if err := x.metadata.check(); err != nil {
		return b, err
	}
	h := &gozmqv1.RequestHeader{Metadata: x.metadata.wire()}
	if !x.deadline.IsZero() {
		h.TimeoutUs = timeoutUs(time.Until(x.deadline))
	}
	return appendBody(b, 0, h, x.bodies.limit)
}

// cancelHeader is a gozmq.v1.RequestHeader with cancel set.
var cancelHeader = "\x18\x01"

// AppendCancel appends what tells one of our servers that the caller has given
// up. Bare framing has no place for it.
func (x *exchange) AppendCancel(b []byte) ([]byte, bool) {
	if x.method.Bare {
		return b, false
	}
	b = append(b, zmtp.FlagMore, 0, zmtp.FlagMore, 0)
	return zmtp.AppendFrameString(b, 0, cancelHeader), true
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
		if len(frames) != 1 {
			return Errorf(CodeInternal, "%s: bare reply has %d frames, want 1", x.method.Procedure, len(frames))
		}
		return x.decodeBody(frames[0])
	}
	if len(frames) < 2 {
		return Errorf(CodeInternal, "%s: reply has %d frames behind its envelope, want a status and a body", x.method.Procedure, len(frames))
	}
	failed := len(frames[0]) > 0
	if (failed || x.replyMetadata != nil) && len(frames) > 2 {
		if err := x.decodeHeader(frames[2]); err != nil {
			return err
		}
	}
	if failed {
		return parseStatus(frames[0])
	}
	return x.decodeBody(frames[1])
}

func (x *exchange) decodeHeader(frame []byte) error {
	var h gozmqv1.ReplyHeader
	err := proto.Unmarshal(frame, &h)
	x.refused = h.GetRefused()
	if x.replyMetadata == nil {
		return nil // nobody asked
	}
	if err == nil {
		x.replyMetadata.Headers, err = parseMetadata(h.GetHeaders())
	}
	if err == nil {
		x.replyMetadata.Trailers, err = parseMetadata(h.GetTrailers())
	}
	if err != nil {
		return Errorf(CodeInternal, "%s: decode reply header of %d bytes: %w", x.method.Procedure, len(frame), err)
	}
	return nil
}

func (x *exchange) decodeBody(body []byte) error {
	proto.Reset(x.reply) // it is the caller's
	if err := x.bodies.decode(body, x.reply); err != nil {
		return Errorf(CodeInternal, "%s: decode %s of %d bytes: %w", x.method.Procedure, nameOf(x.reply), len(body), err)
	}
	return nil
}

// fieldTimeout is the number of gozmq.v1.RequestHeader.timeout_us.
const fieldTimeout protowire.Number = 1

// appendRequestHeader appends the header frame, as the last one of a message.
func appendRequestHeader(b []byte, timeout time.Duration) []byte {
	us := timeoutUs(timeout)
	b = zmtp.AppendHeader(b, 0, protowire.SizeTag(fieldTimeout)+protowire.SizeVarint(us))
	b = protowire.AppendTag(b, fieldTimeout, protowire.VarintType)
	return protowire.AppendVarint(b, us)
}

func timeoutUs(d time.Duration) uint64 { return uint64(max(d.Microseconds(), 1)) }

// maxTimeout is the longest timeout that is taken at its word; a longer one is
// no limit.
const maxTimeout = 365 * 24 * time.Hour

// A requestHeader is what a request's header says.
type requestHeader struct {
	timeout  time.Duration // 0: none
	metadata Metadata
	cancel   bool
}

func parseRequestHeader(b []byte) (h requestHeader, err error) {
	if us, ok := onlyTimeout(b); ok {
		h.timeout = timeoutOf(us)
		return h, nil
	}
	var wire gozmqv1.RequestHeader
	if err := proto.Unmarshal(b, &wire); err != nil {
		return h, Errorf(CodeInvalidArgument, "decode request header of %d bytes: %w", len(b), err)
	}
	h.timeout, h.cancel = timeoutOf(wire.GetTimeoutUs()), wire.GetCancel()
	h.metadata, err = parseMetadata(wire.GetMetadata())
	return h, err
}

// onlyTimeout decodes a header that has nothing but a timeout, as most have.
func onlyTimeout(b []byte) (us uint64, ok bool) {
	number, typ, n := protowire.ConsumeTag(b)
	if n < 0 || number != fieldTimeout || typ != protowire.VarintType {
		return 0, false
	}
	us, m := protowire.ConsumeVarint(b[n:])
	return us, m > 0 && n+m == len(b)
}

func timeoutOf(us uint64) time.Duration {
	if us > uint64(maxTimeout.Microseconds()) {
		return 0
	}
	return time.Duration(us) * time.Microsecond
}
