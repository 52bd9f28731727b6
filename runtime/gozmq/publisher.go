package gozmq

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type publisherConfig struct {
	socketConfig
	maxSubscriptions int
	memory           topicMemory
	interceptors     interceptorOption
}

// Options from other files that NewPublisher takes.

func (o socketOption) applyPublisher(c *publisherConfig) { o(&c.socketConfig) }
func (e Endpoints) applyPublisher(c *publisherConfig)    { e.add(&c.endpoints) }
func (o codecOption) applyPublisher(c *publisherConfig)  { o.apply(&c.socketConfig) }
func (o topicMemory) applyPublisher(c *publisherConfig)  { c.memory = o }
func (o interceptorOption) applyPublisher(c *publisherConfig) {
	c.interceptors = append(c.interceptors, o...)
}

// A Publisher sends messages to the subscribers of their topics. It never waits
// for a subscriber: one whose queue is full misses messages, which are counted.
// Its methods may be called from any goroutine. On the wire it is a PUB socket.
type Publisher struct {
	holdsPublisher
	pub      *socket.Pub
	methods  methodCounters
	id       uint64 // of the publisher, in headers
	observer *observer
	bodies   bodies
	linger   time.Duration
	addrs    []string
	role     roleState

	interceptor Interceptor // nil: there is none
}

// NewPublisher opens a publisher. Close must be called.
func NewPublisher(opts ...PublisherOption) (*Publisher, error) {
	cfg := publisherConfig{socketConfig: newSocketConfig(zmtp.Pub, handshake.RolePublisher), maxSubscriptions: 1 << 17, memory: defaultTopicMemory}
	for _, o := range opts {
		o.applyPublisher(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("publisher: %w", err)
	}
	p := &Publisher{id: newPublisherID(), linger: cfg.linger, interceptor: cfg.interceptors.chain()}
	p.observer = newObserver(cfg.observer, &p.role)
	p.bodies = cfg.bodies(p.observer)
	p.holdsPublisher = bridge.Hold[bridge.Publisher[Method, Event]]((*publishing)(p))
	cfg.Observe, cfg.Heard = p.observer.link(cfg.SocketType), p.observer.heard
	p.pub = socket.NewPub(cfg.Config, cfg.maxSubscriptions)
	p.pub.KeepTopics(cfg.memory.topics, cfg.memory.bytes, p.appendHeader)
	var err error
	if p.addrs, err = cfg.endpoints.open(p.pub.Links()); err != nil {
		p.Close()
		return nil, fmt.Errorf("publisher: %w", err)
	}
	return p, nil
}

// newPublisherID returns the id of a publisher.
func newPublisherID() uint64 {
	for {
		if id := rand.Uint64(); id != 0 {
			return id
		}
	}
}

// appendHeader appends the header of a message as its last frame.
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

// check reports everything that is wrong with the options.
func (c *publisherConfig) check() error {
	var err error
	if c.maxSubscriptions < 1 {
		err = fmt.Errorf("WithMaxSubscriptions: %d, want at least 1", c.maxSubscriptions)
	}
	return errors.Join(c.socketConfig.check(), c.memory.check(), c.interceptors.check(), err)
}

type maxSubscriptions int

func (o maxSubscriptions) applyPublisher(c *publisherConfig) { c.maxSubscriptions = int(o) }

// A PublishOption is an option of NewPublisher and NewProxy.
type PublishOption interface {
	PublisherOption
	ProxyOption
}

// WithMaxSubscriptions limits the number of subscriptions of one peer to n. A
// peer that exceeds it is disconnected; so is a peer with a subscription longer
// than 1 KiB, or with subscriptions of more than 16 MiB. At a Proxy the limits
// apply to all subscribers together, because a publisher sees them as one peer,
// and each of them may use an eighth. Default: 131072.
func WithMaxSubscriptions(n int) PublishOption { return maxSubscriptions(n) }

// Addrs returns the bound endpoints, with ports filled in.
func (p *Publisher) Addrs() []string { return p.addrs }

// Dropped returns how many messages subscribers have missed because their queue
// was full, or the message exceeds the limit that they announce. A message that
// two subscribers missed counts twice.
func (p *Publisher) Dropped() uint64 { return p.pub.Dropped() }

// WaitForSubscribers waits until at least n peers have a subscription that
// covers topic. topic is a topic as generated code builds it, or the beginning
// of one; "" counts the peers that subscribed to everything. It fails with the
// code of ctx's error when ctx ends, and with CodeCanceled when p is closed.
func (p *Publisher) WaitForSubscribers(ctx context.Context, topic string, n int) error {
	err := p.pub.WaitSubscribers(ctx, []byte(topic), n)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, link.ErrClosed):
		return Errorf(CodeCanceled, "wait for subscribers of %q: the publisher is closed", topic)
	}
	return Errorf(CodeOf(err), "wait for subscribers of %q: %w", topic, err)
}

// WaitForSubscribersTo is WaitForSubscribers for the topics that a filter
// selects: it counts the peers that subscribed to all of them.
func (p *Publisher) WaitForSubscribersTo(ctx context.Context, f Filter, n int) error {
	return p.WaitForSubscribers(ctx, string(patternOf(f).Prefix()), n)
}

// Superseded returns how many messages of latest_only topics were not sent to a
// subscriber because a newer message replaced them in its queue.
func (p *Publisher) Superseded() uint64 { return p.pub.Conflated() }

// Close closes the publisher once the published messages have reached the
// kernel or the linger time (WithLinger) is over.
func (p *Publisher) Close() error {
	err := lingering(p.linger, p.pub.Shutdown)
	p.observer.close()
	return err
}

// maxTopic is the longest topic, in bytes.
const maxTopic = 32 << 10

// A publication is one message on its way out.
type publication struct {
	topic    []byte
	frames   []byte
	metadata wire.EncodedMetadata
	audience socket.Audience
}

var publications = sync.Pool{New: func() any { return new(publication) }}

// holdsPublisher is what gozmqimpl finds in a Publisher.
type holdsPublisher = bridge.Held[bridge.Publisher[Method, Event]]

// publishing is a Publisher as gozmqimpl sees it (bridge.Publisher).
type publishing Publisher

func (p *publishing) Role() bridge.Role[Event] { return &p.role }

func (p *publishing) Publish(ctx context.Context, t bridge.Topic[Method], m proto.Message) (err error) {
	if p.interceptor != nil {
		err = (*Publisher)(p).intercept(ctx, t, m)
	} else {
		err = (*Publisher)(p).publish(ctx, t, m)
	}
	p.methods.of(t.Method()).end(err)
	return err
}

// intercept publishes m through the interceptors.
func (p *Publisher) intercept(ctx context.Context, t bridge.Topic[Method], m proto.Message) error {
	info := CallInfo{Operation: OperationPublish, Method: t.Method(), Publication: &PublicationInfo{ctx: ctx}}
	if !t.Bare() {
		info.Publication.Topic = string(t.Append(nil, m))
	}
	return sendThrough(ctx, p.interceptor, p.observer, zmtp.Pub, "publish "+t.Name(), &info, m, func(ctx context.Context, m proto.Message) error {
		return p.publish(ctx, t, m)
	})
}

func (p *Publisher) publish(ctx context.Context, t bridge.Topic[Method], m proto.Message) error {
	if err := ctx.Err(); err != nil {
		return Errorf(CodeOf(err), "publish %s: %w", t.Name(), err)
	}
	if p.pub.Closed() {
		return Errorf(CodeCanceled, "publish %s: the publisher is closed", t.Name())
	}
	x := publications.Get().(*publication)
	defer x.free()
	if err := x.addMetadata(ctx, t); err != nil {
		return err
	}
	if t.Bare() {
		return p.publishBare(x, t.Name(), m)
	}
	x.topic = t.Append(x.topic[:0], m)
	if traits := t.Traits(); traits != 0 {
		return p.publishWith(traits, x, t.Name(), m)
	}
	if !p.pub.Audience(x.topic, &x.audience) {
		return nil
	}
	err := x.encodeAlone(p, t.Name(), m)
	if err == nil {
		p.pub.Send(&x.audience, x.frames)
	}
	return err
}

// addMetadata makes x.metadata that of ctx. Bare framing has no place for any.
func (x *publication) addMetadata(ctx context.Context, t bridge.Topic[Method]) error {
	x.metadata = x.metadata[:0]
	out := outgoing(ctx)
	if out.none() {
		return nil
	}
	if err := out.check(); err != nil {
		return Errorf(CodeOf(err), "publish %s: %w", t.Name(), err)
	}
	if t.Bare() {
		return Errorf(CodeInvalidArgument, "publish %s: bare framing has no place for metadata (AppendMetadata)", t.Name())
	}
	x.metadata = wire.EncodeMetadata(x.metadata, wire.Metadata(out.entries))
	return nil
}

// publishBare sends the body alone: subscriptions apply to its bytes.
func (p *Publisher) publishBare(x *publication, name string, m proto.Message) error {
	if !p.pub.Subscribed() {
		return nil
	}
	frames, err := p.bodies.append(x.frames[:0], wire.PublicationBodyFlags(false), m)
	if err != nil {
		return Errorf(CodeOf(err), "publish %s: %w", name, err)
	}
	x.frames = frames
	if p.pub.Audience(wire.BareBody(frames), &x.audience) {
		p.pub.Send(&x.audience, frames)
	}
	return nil
}

// publishWith sends a message of a topic with traits. A sequenced or retained
// message gets its position even without subscribers, and a retained one is
// always encoded.
func (p *Publisher) publishWith(traits socket.Traits, x *publication, name string, m proto.Message) error {
	if err := x.check(name); err != nil {
		return err
	}
	x.frames = x.frames[:0]
	stamped := traits&(socket.Sequenced|socket.Retained) != 0
	switch heard := traits&socket.Retained != 0 || p.pub.Audience(x.topic, &x.audience); {
	case !heard && !stamped:
		return nil
	case !heard:
	case stamped:
		if err := x.encode(name, m, true, &p.bodies); err != nil {
			return err
		}
	default:
		if err := x.encodeAlone(p, name, m); err != nil {
			return err
		}
	}
	x.frames = p.pub.SendWith(traits, x.topic, x.frames, x.metadata, &x.audience)
	return nil
}

func (x *publication) check(name string) error {
	if len(x.topic) > maxTopic {
		return Errorf(CodeInvalidArgument, "publish %s: topic of %d bytes, at most %d are allowed", name, len(x.topic), maxTopic)
	}
	return nil
}

// encodeAlone makes x.frames a message of a topic that is neither sequenced nor
// retained: it has a header only if it has metadata.
func (x *publication) encodeAlone(p *Publisher, name string, m proto.Message) error {
	err := x.encode(name, m, len(x.metadata) > 0, &p.bodies)
	if err == nil && len(x.metadata) > 0 {
		h := wire.PublicationHeader{Publisher: p.id, Metadata: x.metadata}
		h.SetTime(time.Now())
		x.frames = h.AppendFrame(x.frames)
	}
	return err
}

// encode makes x.frames of the topic and m; header says whether a header
// follows.
func (x *publication) encode(name string, m proto.Message, header bool, c *bodies) error {
	if err := x.check(name); err != nil {
		return err
	}
	var err error
	x.frames, err = c.append(wire.AppendTopic(x.frames[:0], x.topic), wire.PublicationBodyFlags(header), m)
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
