package gozmq

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/topic"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// subscriptionConfig has the options of one subscription.
type subscriptionConfig struct {
	queue    queueConfig
	overflow Overflow
	idle     time.Duration // 0: no limit
}

var defaultSubscription = subscriptionConfig{queue: defaultQueue}

func (c *subscriptionConfig) check() error {
	if err := c.queue.check(); err != nil {
		return err
	}
	if c.overflow > OverflowDropNewest {
		return fmt.Errorf("WithOverflow: %v, want OverflowBlock, OverflowDropOldest or OverflowDropNewest", c.overflow)
	}
	if c.idle < 0 {
		return fmt.Errorf("WithIdleError: %v, want 0 or more", c.idle)
	}
	return nil
}

// engine returns the options as the engine takes them.
func (c *subscriptionConfig) engine() subscription.QueueConfig {
	return subscription.QueueConfig{Messages: c.queue.messages, Bytes: c.queue.bytes, Overflow: c.overflow.engine(), Idle: c.idle}
}

type subscriptionOption func(*subscriptionConfig)

func (o subscriptionOption) applySubscription(c *subscriptionConfig) { o(c) }
func (o subscriptionOption) applySubscriber(c *subscriberConfig)     { o(&c.subscription) }
func (o subscriptionOption) applyHandler(c *handlerConfig)           { o(&c.subscription) }

// A Subscription receives the messages of one type whose topic at least one of
// its filters selects. It receives from the time it is opened until Close;
// messages wait in its queue while nobody iterates. Its methods may be called
// from any goroutine. Generated code opens it.
type Subscription[M proto.Message, F Filter] interface {
	// Add adds filters to the subscription; a filter that it already has
	// changes nothing.
	Add(filters ...F)
	// Remove removes filters from the subscription; a filter that it does not
	// have changes nothing. Messages that wait already are still yielded.
	// Without any filter the subscription receives nothing until the next Add.
	Remove(filters ...F)
	// All returns an iterator over the messages, beginning with those that
	// wait. It ends when ctx does; after a Close of the subscription or the
	// Subscriber it ends, without an error, once the messages that wait were
	// yielded. It yields an error for a message that cannot be decoded, and a
	// GapError, PublisherRestartedError or LagError of a sequenced topic, an
	// IdleError (WithIdleError), and an error with CodeUnavailable when a
	// publisher has ended the connection and says why, and goes on. With
	// StoreInfo it describes each message. A later iteration continues where
	// the last one ended, and waits for it if it still runs.
	All(ctx context.Context) iter.Seq2[M, error]
	// Dropped returns how many messages the subscription has dropped because
	// its queue was full (WithOverflow).
	Dropped() uint64
	// Close ends the subscription. It may be called more than once and returns
	// nil.
	Close() error
}

// holdsSubscriber is what gozmqimpl finds in a Subscriber.
type holdsSubscriber = bridge.Held[bridge.Subscriber[SubscriptionOption, TopicHandlerOption, Method, Event]]

// subscribing is a Subscriber as gozmqimpl sees it (bridge.Subscriber).
type subscribing Subscriber

func (s *subscribing) Role() bridge.Role[Event] { return &s.role }

func (s *subscribing) Open(m *Method, patterns []topic.Pattern, bare bool, opts []SubscriptionOption) (bridge.Subscription, error) {
	sub, err := (*Subscriber)(s).open(patterns, bare, opts)
	if err != nil {
		return nil, err
	}
	return &opened{sub, (*Subscriber)(s), m}, nil
}

// An opened is a subscription as gozmqimpl sees it (bridge.Subscription).
type opened struct {
	sub        *subscription.Subscription
	subscriber *Subscriber
	method     *Method
}

func (o *opened) Add(p topic.Pattern)    { o.sub.Add(pattern{p}) }
func (o *opened) Remove(p topic.Pattern) { o.sub.Remove(pattern{p}) }
func (o *opened) Dropped() uint64        { return o.sub.Dropped() }

func (o *opened) Each(ctx context.Context, fresh func() proto.Message, yield func(proto.Message, error) bool) {
	l := o.subscriber.newLoop(ctx, o.method, fresh, yield)
	o.sub.Each(ctx, func(p *wire.Publication) bool { goOn, _ := l.deliver(p); return goOn }, l.notice)
}

func (o *opened) Close() error {
	o.sub.Close()
	return nil
}

// decodeBody decodes a body into a message that fresh makes, without content.
func decodeBody(c *bodies, body []byte, fresh func() proto.Message) (proto.Message, error) {
	m := fresh()
	if err := c.decodeNew(body, m); err != nil {
		return nil, Errorf(CodeDataLoss, "decode %s of %d bytes: %w", nameOf(m), len(body), err)
	}
	return m, nil
}

// open begins a subscription; Close must be called.
func (s *Subscriber) open(patterns []topic.Pattern, bare bool, opts []SubscriptionOption) (*subscription.Subscription, error) {
	cfg := s.defaults
	for _, o := range opts {
		o.applySubscription(&cfg)
	}
	return s.openWith(cfg, patterns, bare)
}

// openWith is open with all options.
func (s *Subscriber) openWith(cfg subscriptionConfig, patterns []topic.Pattern, bare bool) (*subscription.Subscription, error) {
	if err := cfg.check(); err != nil {
		return nil, Errorf(CodeInvalidArgument, "subscription: %w", err)
	}
	list := make([]subscription.Pattern, len(patterns))
	for i, p := range patterns {
		list[i] = pattern{p}
	}
	sub, err := s.hub.Open(cfg.engine(), list, bare)
	if errors.Is(err, subscription.ErrClosed) {
		return nil, Errorf(CodeCanceled, "subscription: %w", err)
	}
	return sub, err
}

// A pattern is a topic.Pattern as the engine matches it (subscription.Pattern).
type pattern struct{ topic.Pattern }

func (p pattern) Conflated() bool { return p.LatestOnly }

// AppendSegments appends the literals and the open fields (subscription.Pattern).
func (p pattern) AppendSegments(list []subscription.Segment) []subscription.Segment {
	for i := 0; ; i++ {
		literal, open, more := p.Segment(i)
		if !more {
			return append(list, subscription.Segment{Literal: literal})
		}
		list = append(list, subscription.Segment{Literal: literal, Open: open})
	}
}

// An Overflow says what happens to a message when the subscription's receive
// queue is full.
type Overflow uint8

const (
	// OverflowBlock stops reading from the connection until there is room. The
	// publisher's queue fills in turn, and the other subscriptions of the
	// Subscriber wait.
	OverflowBlock Overflow = iota
	// OverflowDropOldest drops the messages that have waited longest. Other
	// subscriptions do not wait.
	OverflowDropOldest
	// OverflowDropNewest drops the message that has just arrived. Other
	// subscriptions do not wait.
	OverflowDropNewest
)

// String returns the name in lower case.
func (o Overflow) String() string {
	switch o {
	case OverflowBlock:
		return "block"
	case OverflowDropOldest:
		return "drop oldest"
	case OverflowDropNewest:
		return "drop newest"
	default:
		return fmt.Sprintf("overflow %d", uint8(o))
	}
}

// engine returns the policy as the engine has it.
func (o Overflow) engine() subscription.Overflow {
	switch o {
	case OverflowDropOldest:
		return subscription.DropOldest
	case OverflowDropNewest:
		return subscription.DropNewest
	default:
		return subscription.Block
	}
}

// WithOverflow sets what happens when a subscription's receive queue
// (WithReceiveQueue) is full. Dropped messages are counted and reported with
// EventOverflow. Default: OverflowBlock.
func WithOverflow(o Overflow) SubscriptionOption {
	return subscriptionOption(func(c *subscriptionConfig) { c.overflow = o })
}

// errOverflow is the error of EventOverflow.
var errOverflow = errors.New("the subscription's queue was full")
