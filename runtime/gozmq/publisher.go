package gozmq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type publisherConfig struct {
	socketConfig
	maxSubscriptions int
	memory           topicMemory
}

// A Publisher sends messages to those who subscribed to their topics. It never
// waits for a subscriber: one whose queue is full misses messages, which are
// counted. Its methods may be called from any goroutine. On the wire it is a
// PUB socket.
type Publisher struct {
	pub      *socket.Pub
	id       uint64 // of the publisher, in headers
	observer *observer
	bodies   bodies
	linger   time.Duration
	addrs    []string
}

// NewPublisher opens a publisher. Close must be called.
func NewPublisher(opts ...PublisherOption) (*Publisher, error) {
	cfg := publisherConfig{socketConfig: newSocketConfig(zmtp.Pub), maxSubscriptions: 1 << 17, memory: defaultTopicMemory}
	for _, o := range opts {
		o.applyPublisher(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("publisher: %w", err)
	}
	p := &Publisher{id: newPublisherID(), observer: newObserver(cfg.observer), bodies: cfg.bodies(), linger: cfg.linger}
	cfg.Observe = p.observer.link(cfg.SocketType)
	p.pub = socket.NewPub(cfg.Config, cfg.maxSubscriptions)
	p.pub.Remember(cfg.memory.topics, cfg.memory.bytes, p.appendHeader)
	var err error
	if p.addrs, err = cfg.endpoints.open(p.pub.Links()); err != nil {
		p.Close()
		return nil, fmt.Errorf("publisher: %w", err)
	}
	return p, nil
}

// check reports everything that is wrong with the options.
func (c *publisherConfig) check() error {
	var err error
	if c.maxSubscriptions < 1 {
		err = fmt.Errorf("WithMaxSubscriptions: %d, want at least 1", c.maxSubscriptions)
	}
	return errors.Join(c.socketConfig.check(), c.memory.check(), err)
}

type maxSubscriptions int

func (o maxSubscriptions) applyPublisher(c *publisherConfig) { c.maxSubscriptions = int(o) }

// A PublishOption is an option of NewPublisher and NewProxy.
type PublishOption interface {
	PublisherOption
	ProxyOption
}

// WithMaxSubscriptions limits how many subscriptions one peer may hold; one
// that asks for more is disconnected, and so is one whose subscriptions are
// longer than 1 KiB, or than 16 MiB together. For a Proxy the limits are those
// of all subscribers together, as a publisher sees them, and one may have an
// eighth. Default: 131072.
func WithMaxSubscriptions(n int) PublishOption {
	return maxSubscriptions(n)
}

// Addrs returns the endpoints that were bound, with ports filled in.
func (p *Publisher) Addrs() []string { return p.addrs }

// Dropped returns how many messages subscribers have missed because their
// queue was full.
func (p *Publisher) Dropped() uint64 { return p.pub.Dropped() }

// WaitForSubscribers waits until at least n peers have a subscription that
// covers topic, which may be a topic that generated code builds, or the
// beginning of one; "" counts those that subscribed to everything.
func (p *Publisher) WaitForSubscribers(ctx context.Context, topic string, n int) error {
	if err := p.pub.WaitSubscribers(ctx, []byte(topic), n); err != nil {
		return Errorf(CodeOf(err), "wait for subscribers of %q: %w", topic, err)
	}
	return nil
}

// WaitForSubscribersTo is WaitForSubscribers for the topics that a filter takes,
// as generated filters do: it counts the peers that get all of them.
func (p *Publisher) WaitForSubscribersTo(ctx context.Context, f Filter, n int) error {
	return p.WaitForSubscribers(ctx, string(f.TopicPattern().prefix()), n)
}

// Superseded returns how many messages of topics with latest_only subscribers
// were not sent because a newer one came before there was room for them.
func (p *Publisher) Superseded() uint64 { return p.pub.Superseded() }

// Close closes the publisher, after what was published has reached the kernel
// or the linger time is over.
func (p *Publisher) Close() error {
	err := lingering(p.linger, p.pub.Shutdown)
	p.observer.close()
	return err
}

// A Topic describes what one topic's messages are published under. Generated
// code makes the values.
type Topic[M proto.Message] struct {
	// Name is "package.Service/Method", or the message's full name.
	Name string
	// Append appends m's topic to b. nil: the topic is Name.
	Append func(b []byte, m M) []byte
	// Bare leaves the topic's frame out.
	Bare bool
	// Traits is what else the annotation asks for; none where it is Bare.
	Traits TopicTraits
}

// maxTopic is the longest topic, in bytes.
const maxTopic = 32 << 10

// A publication is one message on its way out.
type publication struct {
	topic    []byte
	frames   []byte
	audience socket.Audience
}

var publications = sync.Pool{New: func() any { return new(publication) }}

// Publish sends m to those who subscribed to its topic. Generated code calls
// it. A message that nobody subscribed to is not encoded, unless its topic is
// retained. It never blocks; it fails when ctx has ended, the publisher is
// closed or m cannot be encoded.
func Publish[M proto.Message](ctx context.Context, p *Publisher, t *Topic[M], m M) error {
	if err := ctx.Err(); err != nil {
		return Errorf(CodeOf(err), "publish %s: %w", t.Name, err)
	}
	if p.pub.Closed() {
		return Errorf(CodeCanceled, "publish %s: the publisher is closed", t.Name)
	}
	x := publications.Get().(*publication)
	defer x.free()
	if t.Bare {
		return p.publishBare(x, t.Name, m)
	}
	if t.Append == nil {
		x.topic = append(x.topic[:0], t.Name...)
	} else {
		x.topic = t.Append(x.topic[:0], m)
	}
	if t.Traits != 0 {
		return p.publishWith(t.Traits, x, t.Name, m)
	}
	if !p.pub.Audience(x.topic, &x.audience) {
		return nil
	}
	err := x.encode(t.Name, m, 0, &p.bodies)
	if err == nil {
		p.pub.Send(&x.audience, x.frames)
	}
	return err
}

// publishBare sends the body alone: subscriptions apply to its bytes.
func (p *Publisher) publishBare(x *publication, name string, m proto.Message) error {
	if !p.pub.Subscribed() {
		return nil
	}
	frames, err := p.bodies.append(x.frames[:0], 0, m)
	if err != nil {
		return Errorf(CodeOf(err), "publish %s: %w", name, err)
	}
	x.frames = frames
	h, _, err := zmtp.ParseHeader(frames)
	if err == nil && p.pub.Audience(frames[h.Len:], &x.audience) {
		p.pub.Send(&x.audience, frames)
	}
	return err
}

// publishWith sends a message of a topic with traits. Where it has a place among
// the publisher's, it has it even if nobody subscribed to it; where it is
// retained, it is always encoded.
func (p *Publisher) publishWith(traits TopicTraits, x *publication, name string, m proto.Message) error {
	if err := x.check(name); err != nil {
		return err
	}
	x.frames = x.frames[:0]
	var last byte = zmtp.FlagMore // a header follows
	if traits&(Sequenced|Retained) == 0 {
		last = 0
	}
	if traits&Retained != 0 || p.pub.Audience(x.topic, &x.audience) {
		if err := x.encode(name, m, last, &p.bodies); err != nil {
			return err
		}
	} else if last == 0 {
		return nil
	}
	x.frames = p.pub.SendWith(socket.Traits(traits), x.topic, x.frames, &x.audience)
	return nil
}

func (x *publication) check(name string) error {
	if len(x.topic) > maxTopic {
		return Errorf(CodeInvalidArgument, "publish %s: topic of %d bytes, at most %d are allowed", name, len(x.topic), maxTopic)
	}
	return nil
}

// encode makes x.frames of the topic and m; flags are those of the body.
func (x *publication) encode(name string, m proto.Message, flags byte, c *bodies) error {
	if err := x.check(name); err != nil {
		return err
	}
	var err error
	x.frames, err = c.append(zmtp.AppendFrame(x.frames[:0], zmtp.FlagMore, x.topic), flags, m)
	if err != nil {
		return Errorf(CodeOf(err), "publish %s: %w", name, err)
	}
	return nil
}

// maxKeptPublication is the largest buffer that is used again.
const maxKeptPublication = 256 << 10

func (x *publication) free() {
	if cap(x.frames) <= maxKeptPublication && cap(x.topic) <= maxKeptPublication {
		publications.Put(x)
	}
}
