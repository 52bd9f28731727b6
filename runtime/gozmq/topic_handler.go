package gozmq

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/topic"
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
// whose handler returned an error or panicked, and for the errors that a stream
// yields (Subscription.All); the next message follows. topic is the message's
// topic, which may have any bytes; it is "" with bare framing, and where the error
// has to do with no message. f runs in the goroutine of the handlers.
func WithTopicErrorHandler(f func(ctx context.Context, topic string, err error)) TopicHandlerOption {
	return handlerOption(func(c *handlerConfig) { c.onError = f })
}

// WithSubscribedHandler calls f once the subscriptions have been made, before
// the first message is handled. f may call Subscriber.Ready. It runs in the
// goroutine of the handlers.
func WithSubscribedHandler(f func()) TopicHandlerOption {
	return handlerOption(func(c *handlerConfig) { c.subscribed = f })
}

// A topicDispatcher runs the handlers of one service.
type topicDispatcher struct {
	name       string // the service's
	cfg        handlerConfig
	subscriber *Subscriber
	routes     topic.Routes[*bridge.TopicHandler[Method]]
	sub        *subscription.Subscription
	contexts   publicationContexts
	end        error // the LagError that ended the stream
}

// A topicRoute is a handler and the topics that it gets.
type topicRoute = topic.Route[*bridge.TopicHandler[Method]]

// Handle hands messages to their handlers (bridge.Subscriber).
func (s *subscribing) Handle(ctx context.Context, name string, handlers []bridge.TopicHandler[Method], opts []TopicHandlerOption) error {
	d := topicDispatcher{name: name, cfg: handlerConfig{subscription: s.defaults}, subscriber: (*Subscriber)(s)}
	for _, o := range opts {
		o.applyHandler(&d.cfg)
	}
	if err := d.open(handlers); err != nil {
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
func (d *topicDispatcher) open(handlers []bridge.TopicHandler[Method]) (err error) {
	var patterns []topic.Pattern
	bare := false
	for i := range handlers {
		h := &handlers[i]
		route := &topicRoute{Pattern: h.Pattern, Handler: h}
		if h.Bare {
			bare = true
			d.routes.AddBare(route)
			continue
		}
		d.routes.Add(route)
		patterns = append(patterns, h.Pattern)
	}
	d.sub, err = d.subscriber.openWith(d.cfg.subscription, patterns, bare)
	return err
}

// handle hands a message to its handler.
func (d *topicDispatcher) handle(ctx context.Context, p *wire.Publication) {
	r := d.routes.Find(p.Topic)
	if r == nil {
		return
	}
	ctx = d.contexts.begin(ctx, p)
	defer d.contexts.end()
	err := d.call(ctx, r, p)
	d.subscriber.methods.of(r.Handler.Method).end(err)
	if err != nil {
		d.failed(ctx, r, p, err)
	}
}

// notice reports an error of a sequenced topic, or of the whole stream.
func (d *topicDispatcher) notice(ctx context.Context, p *wire.Publication, n subscription.Notice) {
	err := noticeError(n)
	ctx = d.contexts.begin(ctx, p)
	defer d.contexts.end()
	switch n.(type) {
	case subscription.Ended, subscription.Idle:
		d.report(ctx, d.name, "", err)
	default:
		if r := d.routes.Find(p.Topic); r != nil {
			d.failed(ctx, r, p, err)
		}
	}
	if lag, ok := n.(subscription.Lag); ok && lag.Ended {
		d.end = err
	}
}

// call calls the handler; a panic is an error.
func (d *topicDispatcher) call(ctx context.Context, r *topicRoute, p *wire.Publication) (err error) {
	guarded.Call(func() { err = d.run(ctx, r, p) }, func(panicked *guarded.PanicError) {
		if panicked == nil {
			return
		}
		stack := panicked.Stack
		if err = fmt.Errorf("handler panicked: %v", panicked.Value); panicked.Goexit() {
			err, stack = errors.New("handler ended its goroutine"), debug.Stack()
		}
		d.subscriber.observer.observe(Event{Kind: EventPanic, SocketType: string(zmtp.Sub), Procedure: r.Handler.Name, Err: err, Stack: stack})
		if panicked.Goexit() {
			d.subscriber.methods.of(r.Handler.Method).end(err)
			d.failed(ctx, r, p, err) // call does not return
		}
	})
	return err
}

// run decodes a message and runs its handler, within the interceptors.
func (d *topicDispatcher) run(ctx context.Context, r *topicRoute, p *wire.Publication) error {
	m, err := decodeBody(&d.subscriber.bodies, p.Body, r.Handler.New)
	if err != nil {
		return err
	}
	interceptor := d.subscriber.interceptor
	if interceptor == nil {
		return r.Handler.Run(ctx, m)
	}
	info := PublicationInfoFromContext(ctx)
	_, err = interceptor(ctx, receiving(r.Handler.Method, info), m, func(ctx context.Context, passed proto.Message) (proto.Message, error) {
		if err := sameType(r.Handler.Method, m, passed); err != nil {
			return nil, err
		}
		info.ctx = ctx
		return nil, r.Handler.Run(ctx, passed)
	})
	return err
}

// failed reports an error, and ends the subscription to a topic that nobody
// implements.
func (d *topicDispatcher) failed(ctx context.Context, r *topicRoute, p *wire.Publication, err error) {
	if errors.Is(err, bridge.ErrUnhandled) {
		d.sub.Remove(pattern{r.Pattern})
		d.routes.Remove(r)
	}
	d.report(ctx, r.Handler.Name, string(p.Topic), err)
}

// report reports an error of a topic with a procedure.
func (d *topicDispatcher) report(ctx context.Context, procedure, topic string, err error) {
	d.subscriber.observer.observe(Event{Kind: EventTopicFailed, SocketType: string(zmtp.Sub), Procedure: procedure, Topic: topic, Err: err})
	if d.cfg.onError != nil {
		_ = d.subscriber.observer.guard(zmtp.Sub, "the topic error handler", procedure, func() { d.cfg.onError(ctx, topic, err) })
	}
}
