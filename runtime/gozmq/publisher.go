package gozmq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/publication"
	"github.com/gozmq/gozmq/runtime/internal/status"
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
	pub      *publication.Publisher
	methods  methodCounters
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
	p := &Publisher{linger: cfg.linger, interceptor: cfg.interceptors.chain()}
	p.observer = newObserver(cfg.observer, &p.role)
	p.bodies = cfg.bodies(p.observer)
	p.holdsPublisher = bridge.Hold[bridge.Publisher[Method, Event]]((*publishing)(p))
	cfg.Observe, cfg.Wanted = p.observer.link(cfg.SocketType), p.observer.wanted
	p.pub = publication.NewPublisher(publication.Config{
		Link: cfg.Config, MaxSubscriptions: cfg.maxSubscriptions, KeptTopics: cfg.memory.topics, KeptBytes: cfg.memory.bytes,
	})
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
	return p.WaitForSubscribers(ctx, patternOf(f).Prefix(), n)
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

// An outgoingPublication is one message on its way to the wire, and its body
// (wire.Body).
type outgoingPublication struct {
	publication.Message
	bodies *bodies
	m      proto.Message
}

var outgoingPublications = sync.Pool{New: func() any { return new(outgoingPublication) }}

// AppendBody appends the message as one frame.
func (x *outgoingPublication) AppendBody(b []byte, flags byte) ([]byte, error) {
	return x.bodies.append(b, flags, x.m)
}

func (x *outgoingPublication) free() {
	if x.bodies, x.m = nil, nil; x.Reusable() {
		outgoingPublications.Put(x)
	}
}

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
	x := outgoingPublications.Get().(*outgoingPublication)
	defer x.free()
	if err := x.addMetadata(ctx, t); err != nil {
		return err
	}
	x.bodies, x.m = &p.bodies, m
	if t.Bare() {
		return publishError(p.pub.PublishBare(&x.Message, x), t.Name())
	}
	x.Topic, x.Traits = t.Append(x.Topic[:0], m), t.Traits()
	return publishError(p.pub.Publish(&x.Message, x), t.Name())
}

// publishError gives an error of a publication its code, and the name of its topic.
func publishError(err error, name string) error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*status.Error); ok {
		return Errorf(Code(e.Code), "publish %s: %s", name, e.Message)
	}
	return Errorf(CodeOf(err), "publish %s: %w", name, err)
}

// addMetadata makes x.Metadata that of ctx. Bare framing has no place for any.
func (x *outgoingPublication) addMetadata(ctx context.Context, t bridge.Topic[Method]) error {
	x.Metadata = x.Metadata[:0]
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
	x.Metadata = wire.EncodeMetadata(x.Metadata, wire.Metadata(out.entries))
	return nil
}
