package gozmq

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type handlerConfig struct {
	subscription subscriptionConfig
	subscribed   func()
	onError      func(ctx context.Context, topic string, err error)
}

type handlerOption func(*handlerConfig)

func (o handlerOption) applyHandler(c *handlerConfig) { o(c) }

// WithTopicErrorHandler calls f for each message that could not be decoded, or
// whose handler returned an error or panicked, and for the errors of sequenced
// topics (Subscribe); the next message follows. topic is the message's topic,
// any bytes, and "" with bare framing. f runs in the goroutine of the handlers.
func WithTopicErrorHandler(f func(ctx context.Context, topic string, err error)) TopicHandlerOption {
	return handlerOption(func(c *handlerConfig) { c.onError = f })
}

// WithSubscribedHandler calls f once the subscriptions have been made, before
// the first message is handled. f may call Subscriber.Ready. It runs in the
// goroutine of the handlers.
func WithSubscribedHandler(f func()) TopicHandlerOption {
	return handlerOption(func(c *handlerConfig) { c.subscribed = f })
}

// A TopicHandler handles the messages of one topic. HandleTopic makes it.
type TopicHandler struct {
	name    string
	bare    bool
	pattern TopicPattern
	run     func(ctx context.Context, c *bodies, body []byte) error
}

// HandleTopic ties a topic, and everything that the filter takes of it, to the
// function that handles its messages. Generated code calls it.
func HandleTopic[T any, P message[T]](t *Topic[P], all Filter, run func(context.Context, P) error) TopicHandler {
	return TopicHandler{
		name: t.Name, bare: t.Bare, pattern: all.TopicPattern(),
		run: func(ctx context.Context, c *bodies, body []byte) error {
			m, err := decodeBody[T, P](c, body)
			if err != nil {
				return err
			}
			return run(ctx, m)
		},
	}
}

// A topicDispatcher runs the handlers of one service.
type topicDispatcher struct {
	cfg        handlerConfig
	subscriber *Subscriber
	routes     []topicRoute
	sub        *subscription.Subscription
	end        error // the LagError that ended the stream
}

// A topicRoute leads to the handler of one topic.
type topicRoute struct {
	*TopicHandler
	removed bool // nobody implements the topic: its subscription has ended
}

// HandleTopics hands the messages of several topics to their handlers, one at a
// time and in the order in which they came, until ctx ends or s is closed; then
// it returns nil. The order is kept for each publisher; messages of different
// publishers come in the order of arrival.
//
// A handler's error or panic, a message that cannot be decoded and the errors
// of sequenced topics (Subscribe) are reported (WithTopicErrorHandler,
// EventTopicFailed), and the next message follows; only a LagError that ends
// the stream is returned. HandleTopics fails at once with CodeInvalidArgument
// when an option is wrong, with CodeCanceled when s is closed, and when a
// handler is missing. Generated code calls it.
func HandleTopics(ctx context.Context, s *Subscriber, name string, handlers func() []TopicHandler, opts []TopicHandlerOption) error {
	d := topicDispatcher{cfg: handlerConfig{subscription: s.defaults}, subscriber: s}
	for _, o := range opts {
		o.applyHandler(&d.cfg)
	}
	list, err := collect(name, handlers)
	if err != nil {
		return err
	}
	if err := d.open(list); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer d.sub.Close()
	if d.cfg.subscribed != nil {
		_ = s.observer.guard(zmtp.Sub, "the subscribed handler", "", d.cfg.subscribed)
	}
	d.sub.Each(ctx,
		func(p *wire.Publication) bool { d.handle(ctx, p); return true },
		func(p *wire.Publication, n subscription.Notice) bool { d.notice(ctx, p, n); return true })
	return d.end
}

// open subscribes to the topics of all handlers.
func (d *topicDispatcher) open(handlers []TopicHandler) (err error) {
	var patterns []subscription.Pattern
	bare := false
	for i := range handlers {
		h := &handlers[i]
		d.routes = append(d.routes, topicRoute{TopicHandler: h})
		if bare = bare || h.bare; !h.bare {
			patterns = append(patterns, pattern{h.pattern})
		}
	}
	d.sub, err = d.subscriber.openWith(d.cfg.subscription, patterns, bare)
	return err
}

// find returns the route of a topic, nil if it was removed.
func (d *topicDispatcher) find(topic []byte) *topicRoute {
	for i := range d.routes {
		if r := &d.routes[i]; r.bare || !r.removed && r.pattern.matches(topic) {
			return r
		}
	}
	return nil
}

// handle hands a message to its handler.
func (d *topicDispatcher) handle(ctx context.Context, p *wire.Publication) {
	r := d.find(p.Topic)
	if r == nil {
		return
	}
	if err := d.call(ctx, r, p); err != nil {
		d.failed(ctx, r, p, err)
	}
}

// notice reports an error of a sequenced topic.
func (d *topicDispatcher) notice(ctx context.Context, p *wire.Publication, n subscription.Notice) {
	err := noticeError(n)
	if r := d.find(p.Topic); r != nil {
		d.failed(ctx, r, p, err)
	}
	if lag, ok := n.(subscription.Lag); ok && lag.Ended {
		d.end = err
	}
}

// call calls the handler; a panic is an error.
func (d *topicDispatcher) call(ctx context.Context, r *topicRoute, p *wire.Publication) (err error) {
	guarded.Call(func() { err = r.run(ctx, &d.subscriber.bodies, p.Body) }, func(panicked *guarded.PanicError) {
		if panicked == nil {
			return
		}
		stack := panicked.Stack
		if err = fmt.Errorf("handler panicked: %v", panicked.Value); panicked.Goexit() {
			err, stack = errors.New("handler ended its goroutine"), debug.Stack()
		}
		d.subscriber.observer.observe(Event{Kind: EventPanic, SocketType: string(zmtp.Sub), Procedure: r.name, Err: err, Stack: stack})
		if panicked.Goexit() {
			d.failed(ctx, r, p, err) // call does not return
		}
	})
	return err
}

// failed reports an error, and ends the subscription to a topic that nobody
// implements.
func (d *topicDispatcher) failed(ctx context.Context, r *topicRoute, p *wire.Publication, err error) {
	if errors.Is(err, errUnhandled) {
		d.sub.Remove(pattern{r.pattern})
		r.removed = true
	}
	topic := string(p.Topic)
	d.subscriber.observer.observe(Event{Kind: EventTopicFailed, SocketType: string(zmtp.Sub), Procedure: r.name, Topic: topic, Err: err})
	if d.cfg.onError != nil {
		_ = d.subscriber.observer.guard(zmtp.Sub, "the topic error handler", r.name, func() { d.cfg.onError(ctx, topic, err) })
	}
}

var errUnhandled = errors.New("its subscription has ended")

// UnimplementedTopic returns the error of a topic that nobody handles. A
// handler that returns it gets no further messages of the topic. Generated code
// calls it.
func UnimplementedTopic[M proto.Message](t *Topic[M]) error {
	return Errorf(CodeUnimplemented, "%s is not handled: %w", t.Name, errUnhandled)
}
