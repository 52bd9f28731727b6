package publication

import (
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// MaxTopic is the longest topic, in bytes.
const MaxTopic = 32 << 10

// A Message is one outgoing message. It may be reused for the next one, with its
// buffers. One goroutine at a time may use it.
type Message struct {
	Topic    []byte
	Traits   socket.Traits // of the topic
	Metadata wire.EncodedMetadata

	frames   []byte
	audience socket.Audience
}

// maxKept is the largest buffer that is kept for reuse.
const maxKept = 256 << 10

// Reusable reports whether the message's buffers are small enough to be kept.
func (m *Message) Reusable() bool { return cap(m.frames) <= maxKept && cap(m.Topic) <= maxKept }

func (m *Message) check() error {
	if len(m.Topic) > MaxTopic {
		return status.Errorf(status.InvalidArgument, "topic of %d bytes, at most %d are allowed", len(m.Topic), MaxTopic)
	}
	return nil
}

// encode makes the frames of topic and body; header says whether a header follows.
func (m *Message) encode(body wire.Body, header bool) error {
	if err := m.check(); err != nil {
		return err
	}
	var err error
	m.frames, err = body.AppendBody(wire.AppendTopic(m.frames[:0], m.Topic), wire.PublicationBodyFlags(header))
	return err
}
