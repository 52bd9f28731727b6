package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// CallIDSize is the size in bytes of a call id, the frame that our clients put
// in front of a request's empty frame (PROTOCOL.md 4.2).
const CallIDSize = 8

// AppendCallID appends the envelope of one of our requests: the call id and the
// empty frame.
func AppendCallID(b []byte, id uint64) []byte {
	b = append(b, zmtp.FlagMore, CallIDSize)
	b = binary.BigEndian.AppendUint64(b, id)
	return append(b, zmtp.FlagMore, 0)
}

// CallID decodes the frame of a call id.
func CallID(frame []byte) (id uint64, ok bool) {
	if len(frame) != CallIDSize {
		return 0, false
	}
	return binary.BigEndian.Uint64(frame), true
}

// SplitCallID splits a reply into the call id and the frames after the envelope. It
// returns false when the envelope is not one of our own requests.
func SplitCallID(frames [][]byte) (id uint64, content [][]byte, ok bool) {
	if len(frames) < 2 || len(frames[1]) != 0 {
		return 0, nil, false
	}
	id, ok = CallID(frames[0])
	return id, frames[2:], ok
}

// IsProbe reports whether a message is the lone empty frame that libzmq sends
// for ZMQ_PROBE_ROUTER. It requests nothing.
func IsProbe(frames [][]byte) bool { return len(frames) == 1 && len(frames[0]) == 0 }

// An Envelope is the frames that route a reply back to its caller; the empty
// frame is the last one.
type Envelope [][]byte

// SplitEnvelope splits a request after its first empty frame. It returns false when
// there is none.
func SplitEnvelope(frames [][]byte) (e Envelope, content [][]byte, ok bool) {
	for i, frame := range frames {
		if len(frame) == 0 {
			return frames[:i+1], frames[i+1:], true
		}
	}
	return nil, nil, false
}

// SplitBeginning splits the first frames of a request or a reply whose later frames
// were not read, into the envelope and the method or status. It returns false when
// those were not read either, for example because a body with bare framing is too
// large.
func SplitBeginning(frames [][]byte) (e Envelope, first []byte, ok bool) {
	e, content, ok := SplitEnvelope(frames)
	if !ok || len(content) == 0 {
		return nil, nil, false
	}
	return e, content[0], true
}

// NoEnvelope says what is wrong with a request that SplitEnvelope cannot split.
func NoEnvelope(frames [][]byte) error {
	return fmt.Errorf("request of %d frames has no empty frame to end its envelope", len(frames))
}

// CallID returns the id of a call whose envelope holds nothing else, as our
// clients' envelopes do.
func (e Envelope) CallID() (id uint64, ok bool) {
	if len(e) != 2 {
		return 0, false
	}
	return CallID(e[0])
}

// Append appends the envelope's frames, which begin a message.
func (e Envelope) Append(b []byte) []byte {
	for _, frame := range e {
		b = zmtp.AppendFrame(b, zmtp.FlagMore, frame)
	}
	return b
}

// A Body encodes a message's body directly into the output.
type Body interface {
	// AppendBody appends the body as one frame with these flags. After an error
	// it returns b as it was.
	AppendBody(b []byte, flags byte) ([]byte, error)
}

// A RequestHeader is the optional last frame of a request. The zero value is no
// header.
type RequestHeader struct {
	Timeout  time.Duration // how long the caller waits; 0: no limit
	Metadata Metadata
	Cancel   bool // the caller has given up the call with this envelope
	Stream   Stream
}

// A Request is a request without its envelope.
type Request struct {
	Procedure []byte
	Body      []byte
	Header    RequestHeader
}

// AppendRequest appends a request after its envelope. It returns the errors of the
// body and of the metadata.
func AppendRequest(b []byte, procedure string, body Body, h RequestHeader) ([]byte, error) {
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, procedure)
	if h.Timeout == 0 && len(h.Metadata) == 0 && !h.Stream.Present {
		return body.AppendBody(b, 0)
	}
	b, err := body.AppendBody(b, zmtp.FlagMore)
	if err != nil {
		return b, err
	}
	switch {
	case len(h.Metadata) > 0:
	case !h.Stream.Present:
		return appendTimeout(b, h.Timeout), nil
	case h.Timeout == 0:
		return h.Stream.appendHeader(b), nil
	}
	if err := h.Metadata.Check(); err != nil {
		return b, err
	}
	m := &gozmqv1.RequestHeader{Metadata: h.Metadata.list(), Stream: h.Stream.message()}
	if h.Timeout != 0 {
		m.TimeoutUs = timeoutUs(h.Timeout)
	}
	return appendMessage(b, m)
}

// ParseRequest decodes the frames after a request's envelope. Procedure and Body
// point into them.
func ParseRequest(content [][]byte) (r Request, err error) {
	if len(content) < 2 || len(content) > 3 {
		return r, fmt.Errorf("request has %d frames behind its envelope, want a method, a body and at most a header", len(content))
	}
	r.Procedure, r.Body = content[0], content[1]
	if len(content) == 3 {
		r.Header, err = ParseRequestHeader(content[2])
	}
	if err == nil {
		err = r.Header.Stream.check(r.Body)
	}
	return r, err
}

// Procedure returns the procedure of a request from the frames after its envelope
// that have been read; false when the procedure has not.
func Procedure(content [][]byte) ([]byte, bool) {
	if len(content) == 0 {
		return nil, false
	}
	return content[0], true
}

// cancelHeader is a gozmq.v1.RequestHeader with cancel set.
const cancelHeader = "\x18\x01"

// AppendCancel appends, after a call's envelope, the request that gives up the
// call.
func AppendCancel(b []byte) []byte {
	b = append(b, zmtp.FlagMore, 0, zmtp.FlagMore, 0)
	return zmtp.AppendFrameString(b, 0, cancelHeader)
}

// cancelTail holds the bytes after the call id in a message that gives up the call.
const cancelTail = "\x01\x00\x01\x00\x01\x00\x00\x02" + cancelHeader

// EachCancel calls visit with the id of each call that is given up by a message in
// b. b begins with a message and may end within one.
func EachCancel(b []byte, visit func(id uint64)) {
	b = passLong(b)
	if !bytes.Contains(b, []byte(cancelTail)) {
		return // the usual case
	}
	for {
		id, ok := CallID(b[min(2, len(b)):min(2+CallIDSize, len(b))])
		if ok && b[0] == zmtp.FlagMore && b[1] == CallIDSize && bytes.HasPrefix(b[2+CallIDSize:], []byte(cancelTail)) {
			visit(id)
		}
		for more := true; more; {
			var h zmtp.Header
			if h, b, ok = passFrame(b); !ok {
				return
			}
			more = h.More()
		}
	}
}

const (
	// longFrame is the size from which a frame costs more to search than to pass
	// over.
	longFrame = 1 << 10
	// maxFrames is in how many frames of a message a long one is looked for.
	maxFrames = 8
)

// passLong passes over the messages at the start of b that have a long frame, as
// none that gives up a call has.
func passLong(b []byte) []byte {
	for rest := b; ; b = rest {
		long := false
		for i, more := 0, true; more; i++ {
			h, next, ok := passFrame(rest)
			long = long || h.Size >= longFrame
			switch {
			case !ok && long:
				return nil
			case !ok, i == maxFrames:
				return b
			}
			rest, more = next, h.More()
		}
		if !long {
			return b
		}
	}
}

// passFrame returns the header of the frame at the start of b, and what follows the
// frame. It returns false when that has not been read, or the frame is invalid.
func passFrame(b []byte) (h zmtp.Header, rest []byte, ok bool) {
	h, ok, err := zmtp.ParseHeader(b)
	if !ok || err != nil || h.Size >= uint64(len(b)-h.Len) {
		return h, nil, false
	}
	return h, b[h.Len+int(h.Size):], true
}

// Cancels reports whether a request gives up the call that has the same envelope.
func (r *Request) Cancels() bool { return r.Header.Cancel && len(r.Procedure) == 0 }

// ParseBareBody returns the body of a message with bare framing, whose only frame
// it is. what names the message in the error.
func ParseBareBody(what string, content [][]byte) ([]byte, error) {
	if len(content) != 1 {
		return nil, fmt.Errorf("bare %s has %d frames behind its envelope, want 1", what, len(content))
	}
	return content[0], nil
}

// fieldTimeout is the number of gozmq.v1.RequestHeader.timeout_us.
const fieldTimeout protowire.Number = 1

// appendTimeout appends a header with only a timeout, which is the usual one.
func appendTimeout(b []byte, timeout time.Duration) []byte {
	us := timeoutUs(timeout)
	b = zmtp.AppendHeader(b, 0, protowire.SizeTag(fieldTimeout)+protowire.SizeVarint(us))
	b = protowire.AppendTag(b, fieldTimeout, protowire.VarintType)
	return protowire.AppendVarint(b, us)
}

// timeoutUs returns a timeout in microseconds. A timeout that has already passed
// becomes 1, because 0 would mean none.
func timeoutUs(d time.Duration) uint64 { return uint64(max(d.Microseconds(), 1)) }

// maxTimeout is the longest timeout that counts as a limit.
const maxTimeout = 365 * 24 * time.Hour

// ParseRequestHeader decodes the header of a request.
func ParseRequestHeader(b []byte) (h RequestHeader, err error) {
	if us, ok := onlyTimeout(b); ok {
		h.Timeout = timeoutOf(us)
		return h, nil
	}
	if stream, ok := onlyStream(b); ok {
		h.Stream = stream
		return h, nil
	}
	var m gozmqv1.RequestHeader
	if err := proto.Unmarshal(b, &m); err != nil {
		return h, fmt.Errorf("decode request header of %d bytes: %w", len(b), err)
	}
	h.Timeout, h.Cancel, h.Stream = timeoutOf(m.GetTimeoutUs()), m.GetCancel(), streamOf(m.GetStream())
	h.Metadata, err = parseMetadata(m.GetMetadata())
	return h, err
}

// onlyTimeout decodes a header that appendTimeout made.
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

// appendMessage appends one of the messages of wire.proto as the last frame.
func appendMessage(b []byte, m proto.Message) ([]byte, error) {
	b = zmtp.AppendHeader(b, 0, proto.Size(m))
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, m)
}

// An Encoded is a body that has already been encoded.
type Encoded []byte

// AppendBody appends the body as one frame.
func (e Encoded) AppendBody(b []byte, flags byte) ([]byte, error) {
	return zmtp.AppendFrame(b, flags, e), nil
}
