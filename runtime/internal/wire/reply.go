package wire

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A ReplyHeader is the optional last frame of a reply, also of one that is an
// error. The zero value is no header.
type ReplyHeader struct {
	Headers  Metadata
	Trailers Metadata
	// Refused says that the server is stopping and has not carried the call out:
	// another server may have it.
	Refused bool
	// Stream says, where it is present, that the call goes on.
	Stream Stream
}

func (h ReplyHeader) empty() bool {
	return len(h.Headers) == 0 && len(h.Trailers) == 0 && !h.Refused && !h.Stream.Present
}

// AppendReply appends the reply of a call that went well behind its envelope.
// The header's metadata must have passed Check.
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

// AppendFailure appends the reply of a call that failed behind its envelope.
// The header's metadata must have passed Check.
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

// A Reply is what stands behind a reply's envelope.
type Reply struct {
	Status []byte // empty when the call went well
	Body   []byte
	Header []byte // empty where there is none; ParseReplyHeader decodes it
}

// Failed reports whether the reply is an error.
func (r *Reply) Failed() bool { return len(r.Status) > 0 }

// ParseReply splits the frames behind a reply's envelope. The parts point into
// them. Frames behind the header are for later versions.
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

// ParseReplyHeader decodes the header of a reply. Refused is valid also when it
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
