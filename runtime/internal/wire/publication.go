package wire

import (
	"bytes"
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Publication is a message from a publisher: the bytes of its frames. A
// receiver does not own them; Clone copies them.
type Publication struct {
	Topic  []byte // nil: the framing is bare, the body is the only frame
	Body   []byte
	Header []byte // a PublicationHeader; nil: none, unlike an empty one
	From   any    // identifies the connection that it came from; nil: unknown
}

// Errors of publications that are dropped as malformed.
var (
	ErrPublicationFrames = errors.New("publication has no or more than 3 frames, want a topic, a body and at most a header")
	ErrPublicationTopic  = errors.New("publication has 1 frame, want a topic and a body")
)

// ParsePublication names the frames of a message. It fails with
// ErrPublicationFrames if there are none or more than three.
func ParsePublication(frames [][]byte) (Publication, error) {
	switch len(frames) {
	case 1:
		return Publication{Body: frames[0]}, nil
	case 2:
		return Publication{Topic: present(frames[0]), Body: frames[1]}, nil
	case 3:
		return Publication{Topic: present(frames[0]), Body: frames[1], Header: present(frames[2])}, nil
	default:
		return Publication{}, ErrPublicationFrames
	}
}

// CutRun returns the first message of a run and how many bytes it takes. A run is
// messages as on the wire, of a topic of that size and a body in short frames.
func CutRun(run []byte, size int) (topic, body []byte, n int) {
	end := shortHeader + size
	start := end + shortHeader
	n = start + int(run[start-1])
	return run[shortHeader:end:end], run[start:n:n], n
}

const shortHeader = 2

// RunSize returns the bytes of the frames of a run of so many messages.
func RunSize(run []byte, messages int) int { return len(run) - messages*2*shortHeader }

// TopicOfOversized returns the topic of a publication that is too large. frames are
// the ones before the frame that exceeds the limit. ok is false when there are
// none: then the message is bare, or its topic is too large.
func TopicOfOversized(frames [][]byte) (topic []byte, ok bool) {
	if len(frames) == 0 {
		return nil, false
	}
	return present(frames[0]), true
}

// present returns b, and an empty slice for nil.
func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Bare reports whether the publication has no topic.
func (p *Publication) Bare() bool { return p.Topic == nil }

// Size returns the bytes of all frames.
func (p *Publication) Size() int { return len(p.Topic) + len(p.Body) + len(p.Header) }

// Clone returns a copy that outlives the frames.
func (p *Publication) Clone() Publication {
	return Publication{bytes.Clone(p.Topic), bytes.Clone(p.Body), bytes.Clone(p.Header), p.From}
}

// AppendTopic appends the first frame of a publication; the body's follows.
func AppendTopic(b, topic []byte) []byte { return zmtp.AppendFrame(b, zmtp.FlagMore, topic) }

// PublicationBodyFlags returns the flags of the frame that is a publication's
// body, which say whether a header follows.
func PublicationBodyFlags(header bool) byte {
	if header {
		return zmtp.FlagMore
	}
	return 0
}

// BareBody returns the bytes of a bare publication's only frame, nil if frame
// is none.
func BareBody(frame []byte) []byte {
	h, _, err := zmtp.ParseHeader(frame)
	if err != nil {
		return nil
	}
	return frame[h.Len:]
}
