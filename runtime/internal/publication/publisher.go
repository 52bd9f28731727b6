package publication

import (
	"math/rand/v2"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Publisher sends messages to the peers that have subscribed to their topics. Its
// methods may be called from any goroutine.
type Publisher struct {
	*socket.Pub
	id uint64 // in the headers of messages; never 0
}

// A Config is the configuration of a Publisher.
type Config struct {
	Link             link.Config
	MaxSubscriptions int // limits the subscriptions of one peer
	// KeptTopics and KeptBytes limit the topics whose last message is kept.
	KeptTopics, KeptBytes int
}

// NewPublisher returns a publisher without peers. Shutdown must be called.
func NewPublisher(c Config) *Publisher {
	p := &Publisher{Pub: socket.NewPub(c.Link, c.MaxSubscriptions), id: newID()}
	p.KeepTopics(c.KeptTopics, c.KeptBytes, p.appendHeader)
	return p
}

func newID() uint64 {
	for {
		if id := rand.Uint64(); id != 0 {
			return id
		}
	}
}

// ID returns the random number that names the publisher in its headers.
func (p *Publisher) ID() uint64 { return p.id }

// appendHeader appends the header of a numbered message as its last frame.
func (p *Publisher) appendHeader(b []byte, s socket.Stamp) []byte {
	h := wire.PublicationHeader{
		Publisher: p.id,
		Position:  s.Position, Previous: s.Previous,
		Retained: s.Traits&socket.Retained != 0, Replayed: s.Replayed, Metadata: s.Metadata,
	}
	h.SetTime(s.Time)
	if s.Traits&socket.Sequenced != 0 {
		h.Sequence = s.Sequence
	}
	return h.AppendFrame(b)
}

// Publish sends a message with a topic. It encodes the body only if a peer gets it,
// now or later. It returns an error of the body unchanged.
func (p *Publisher) Publish(m *Message, body wire.Body) error {
	if m.Traits != 0 {
		return p.publishWith(m, body)
	}
	if !p.Audience(m.Topic, &m.audience) {
		return nil
	}
	err := p.encodeAlone(m, body)
	if err == nil {
		p.Send(&m.audience, m.frames)
	}
	return err
}

// PublishBare sends the body alone: subscriptions apply to its bytes.
func (p *Publisher) PublishBare(m *Message, body wire.Body) error {
	if !p.Subscribed() {
		return nil
	}
	frames, err := body.AppendBody(m.frames[:0], wire.PublicationBodyFlags(false))
	if err != nil {
		return err
	}
	m.frames = frames
	if p.Audience(wire.BareBody(frames), &m.audience) {
		p.Send(&m.audience, frames)
	}
	return nil
}

// publishWith sends a message of a topic with traits. A sequenced or retained
// message gets its position even without subscribers, and a retained one is
// always encoded.
func (p *Publisher) publishWith(m *Message, body wire.Body) error {
	if err := m.check(); err != nil {
		return err
	}
	m.frames = m.frames[:0]
	stamped := m.Traits&(socket.Sequenced|socket.Retained) != 0
	switch wanted := m.Traits&socket.Retained != 0 || p.Audience(m.Topic, &m.audience); {
	case !wanted && !stamped:
		return nil
	case !wanted:
	case stamped:
		if err := m.encode(body, true); err != nil {
			return err
		}
	default:
		if err := p.encodeAlone(m, body); err != nil {
			return err
		}
	}
	m.frames = p.SendWith(m.Traits, m.Topic, m.frames, m.Metadata, &m.audience)
	return nil
}

// encodeAlone makes the frames of a message that is neither sequenced nor retained:
// it has a header only if it has metadata.
func (p *Publisher) encodeAlone(m *Message, body wire.Body) error {
	err := m.encode(body, len(m.Metadata) > 0)
	if err == nil && len(m.Metadata) > 0 {
		h := wire.PublicationHeader{Publisher: p.id, Metadata: m.Metadata}
		h.SetTime(time.Now())
		m.frames = h.AppendFrame(m.frames)
	}
	return err
}
