package wire

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A ReplyHeader is the optional last frame of a reply, including an error. The zero
// value is no header.
type ReplyHeader struct {
	Headers  Metadata
	Trailers Metadata
	// Refused says that the server is stopping and has not begun the call, so that
	// another server may carry it out.
	Refused bool
	// Stream, if it is present, says that the call goes on.
	Stream Stream
}

func (h ReplyHeader) empty() bool {
	return len(h.Headers) == 0 && len(h.Trailers) == 0 && !h.Refused && !h.Stream.Present
}

// AppendReply appends the reply of a successful call after its envelope. The
// header's metadata must have passed Check.
func AppendReply(b []byte, body Body, h ReplyHeader) ([]byte, error) {
	b = append(b, zmtp.FlagMore, 0) // no status
	if h.empty() {
		return body.AppendBody(b, 0)
	}
	b, err := body.AppendBody(b, zmtp.FlagMore)
	if err != nil {
		return b, err
	}
	return appendReplyHeader(b, h)
}

// AppendFailure appends the reply of a failed call after its envelope. The header's
// metadata must have passed Check.
func AppendFailure(b, status []byte, h ReplyHeader) ([]byte, error) {
	b = zmtp.AppendFrame(b, zmtp.FlagMore, status)
	if h.empty() {
		return append(b, 0, 0), nil
	}
	return appendReplyHeader(append(b, zmtp.FlagMore, 0), h)
}

func appendReplyHeader(b []byte, h ReplyHeader) ([]byte, error) {
	return appendMessage(b, &gozmqv1.ReplyHeader{Headers: h.Headers.list(), Trailers: h.Trailers.list(), Refused: h.Refused, Stream: h.Stream.message()})
}

// A Reply is a reply without its envelope.
type Reply struct {
	Status []byte // empty when the call succeeded
	Body   []byte
	Header []byte // empty where there is none; ParseReplyHeader decodes it
}

// Failed reports whether the reply is an error.
func (r *Reply) Failed() bool { return len(r.Status) > 0 }

// ParseReply splits the frames after a reply's envelope. The parts point into them.
// It ignores frames after the header, which later versions may add.
func ParseReply(content [][]byte) (r Reply, err error) {
	if len(content) < 2 {
		return r, fmt.Errorf("reply has %d frames behind its envelope, want a status and a body", len(content))
	}
	r.Status, r.Body = content[0], content[1]
	if len(content) > 2 {
		r.Header = content[2]
	}
	return r, nil
}

// ParseReplyHeader decodes the header of a reply. Refused is valid even when it
// returns an error.
func ParseReplyHeader(b []byte) (h ReplyHeader, err error) {
	if stream, ok := onlyStream(b); ok {
		h.Stream = stream
		return h, nil
	}
	var m gozmqv1.ReplyHeader
	err = proto.Unmarshal(b, &m)
	h.Refused, h.Stream = m.GetRefused(), streamOf(m.GetStream())
	if err == nil {
		h.Headers, err = parseMetadata(m.GetHeaders())
	}
	if err == nil {
		h.Trailers, err = parseMetadata(m.GetTrailers())
	}
	if err != nil {
		return h, fmt.Errorf("decode reply header of %d bytes: %w", len(b), err)
	}
	return h, nil
}
