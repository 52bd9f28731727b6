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
	limit      int       // bytes of a message
	err        error     // what the reply said
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// AppendRequest appends method, body and, where there is a deadline, header.
func (x *exchange) AppendRequest(b []byte) ([]byte, error) {
	if x.method.Bare {
		return appendBody(b, 0, x.req, x.limit)
	}
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, x.method.Procedure)
	if x.deadline.IsZero() {
		return appendBody(b, 0, x.req, x.limit)
	}
	b, err := appendBody(b, zmtp.FlagMore, x.req, x.limit)
	if err != nil {
		return b, err
	}
	return appendRequestHeader(b, time.Until(x.deadline)), nil
}

// Deliver decodes the reply.
func (x *exchange) Deliver(frames [][]byte) { x.err = x.decode(frames) }

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
	if len(frames[0]) > 0 {
		return parseStatus(frames[0])
	}
	return x.decodeBody(frames[1])
}

func (x *exchange) decodeBody(body []byte) error {
	if err := proto.Unmarshal(body, x.reply); err != nil {
		return Errorf(CodeInternal, "%s: decode %s of %d bytes: %w", x.method.Procedure, nameOf(x.reply), len(body), err)
	}
	return nil
}

// fieldTimeout is the number of gozmq.v1.RequestHeader.timeout_us.
const fieldTimeout protowire.Number = 1

// appendRequestHeader appends the header frame, as the last one of a message.
func appendRequestHeader(b []byte, timeout time.Duration) []byte {
	us := uint64(max(timeout.Microseconds(), 1))
	b = zmtp.AppendHeader(b, 0, protowire.SizeTag(fieldTimeout)+protowire.SizeVarint(us))
	b = protowire.AppendTag(b, fieldTimeout, protowire.VarintType)
	return protowire.AppendVarint(b, us)
}

// maxTimeout is the longest timeout that is taken at its word; a longer one is
// no limit.
const maxTimeout = 365 * 24 * time.Hour

// parseRequestHeader returns the timeout of a request; 0 is none.
func parseRequestHeader(b []byte) (time.Duration, error) {
	var h gozmqv1.RequestHeader
	if err := proto.Unmarshal(b, &h); err != nil {
		return 0, Errorf(CodeInvalidArgument, "decode request header of %d bytes: %w", len(b), err)
	}
	if h.GetTimeoutUs() > uint64(maxTimeout.Microseconds()) {
		return 0, nil
	}
	return time.Duration(h.GetTimeoutUs()) * time.Microsecond, nil
}
