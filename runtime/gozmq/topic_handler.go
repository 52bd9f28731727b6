package gozmq

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/topic"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type handlerConfig struct {
	subscription subscriptionConfig
	subscribed   func()
	onError      func(ctx context.Context, topic string, err error)
}

type handlerOption func(*handlerConfig)

func (o handlerOption) applyHandler(c *handlerConfig) { o(c) }

// WithTopicErrors has f called for each message that could not be decoded, or
// whose handler returned an error or panicked; the next message follows. topic
// is the message's, any bytes, "" for bare framing. f runs in the goroutine of
// the handler.
func WithTopicErrors(f func(ctx context.Context, topic string, err error)) TopicHandlerOption {
	return handlerOption(func(c *handlerConfig) { c.onError = f })
}

// OnSubscribed has f called when the subscriptions have been made, before the
// first message is handled. f may call Subscriber.Ready.
func OnSubscribed(f func()) TopicHandlerOption {
	return handlerOption(func(c *handlerConfig) { c.subscribed = f })
}

// A handledTopic is a topic with its handler.
type handledTopic struct {
	bridge.TopicHandler
	gone bool // given up
}

// A topicHandler runs the handlers of one service.
type topicHandler struct {
	cfg      handlerConfig
	observer *observer
	handlers []handledTopic
	sub      *subscription
}

// Handle runs handlers until ctx ends or the subscriber is closed
// (bridge.Subscriber).
func (s *subscribing) Handle(ctx context.Context, name string, handlers []bridge.TopicHandler, opts []TopicHandlerOption) error {
	return (*Subscriber)(s).handle(ctx, name, handlers, opts)
}

func (s *Subscriber) handle(ctx context.Context, name string, handlers []bridge.TopicHandler, opts []TopicHandlerOption) error {
	h := topicHandler{cfg: handlerConfig{subscription: s.defaults}, observer: s.observer}
	for _, o := range opts {
		o.applyHandler(&h.cfg)
	}
	var patterns []topic.Pattern
	bare := false
	for _, t := range handlers {
		h.handlers = append(h.handlers, handledTopic{TopicHandler: t})
		if bare = bare || t.Bare; !t.Bare {
			patterns = append(patterns, t.Pattern)
		}
	}
	var err error
	if h.sub, err = s.openWith(h.cfg.subscription, patterns, bare); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer h.sub.close()
	if h.cfg.subscribed != nil {
		h.cfg.subscribed()
	}
	var last error
	h.sub.each(ctx,
		func(a *arrival) bool {
			if t := h.find(a); t != nil {
				if err := h.call(ctx, t, a); err != nil {
					h.failed(ctx, t, a, err)
				}
			}
			return true
		},
		func(a *arrival, err error) bool {
			if t := h.find(a); t != nil {
				h.failed(ctx, t, a, err)
			}
			if h.sub.track.ended {
				last = err
			}
			return true
		})
	return last
}

// find returns the handler of a message, nil when its topic was given up.
func (h *topicHandler) find(a *arrival) *handledTopic {
	for i := range h.handlers {
		if t := &h.handlers[i]; t.Bare || !t.gone && t.Pattern.Matches(a.topic) {
			return t
		}
	}
	return nil
}

// call calls the handler; a panic is an error.
func (h *topicHandler) call(ctx context.Context, t *handledTopic, a *arrival) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover() // nil: the handler called runtime.Goexit
		err = fmt.Errorf("handler panicked: %v", value)
		h.observer.observe(Event{Kind: EventPanic, Socket: string(zmtp.Sub), Method: t.Name, Err: err, Stack: debug.Stack()})
		if value == nil {
			h.failed(ctx, t, a, errors.New("handler ended its goroutine"))
		}
	}()
	err = h.run(ctx, t, a)
	returned = true
	return err
}

// run decodes a message and hands it over.
func (h *topicHandler) run(ctx context.Context, t *handledTopic, a *arrival) error {
	m, err := decodeArrival(&h.sub.subscriber.bodies, a, t.New)
	if err != nil {
		return err
	}
	return t.Run(ctx, m)
}

func (h *topicHandler) failed(ctx context.Context, t *handledTopic, a *arrival, err error) {
	if errors.Is(err, bridge.ErrUnhandled) {
		h.sub.giveUp(t.Pattern)
		t.gone = true
	}
	topic := string(a.topic)
	h.observer.observe(Event{Kind: EventTopicFailed, Socket: string(zmtp.Sub), Method: t.Name, Topic: topic, Err: err})
	if h.cfg.onError != nil {
		h.cfg.onError(ctx, topic, err)
	}
}
