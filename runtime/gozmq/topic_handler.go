package gozmq

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"google.golang.org/protobuf/proto"

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

// A TopicHandler handles the messages of one topic. HandleTopic makes it.
type TopicHandler struct {
	name    string
	bare    bool
	pattern TopicPattern
	gone    bool // given up
	run     func(context.Context, *bodies, *arrival) error
}

// HandleTopic ties a topic, and all that the filter takes of it, to the
// function that handles its messages. Generated code calls it.
func HandleTopic[T any, P message[T]](t *Topic[P], all Filter, run func(context.Context, P) error) TopicHandler {
	return TopicHandler{
		name: t.Name, bare: t.Bare, pattern: all.TopicPattern(),
		run: func(ctx context.Context, c *bodies, a *arrival) error {
			m, err := decodeArrival[T, P](c, a)
			if err != nil {
				return err
			}
			return run(ctx, m)
		},
	}
}

// A topicHandler runs the handlers of one service.
type topicHandler struct {
	cfg      handlerConfig
	observer *observer
	handlers []TopicHandler
	sub      *subscription
}

// HandleTopics hands the messages of several topics to their handlers, one at a
// time and in the order in which they came, until ctx ends or s is closed; then
// it returns nil. (Order holds per publisher, and among publishers it is that
// of arrival.) What a handler returns, a panic, a message that cannot be decoded,
// and the errors of sequenced topics (Subscribe) are reported (WithTopicErrors,
// EventTopicFailed) and do not end it; only a LagError that ends the stream does,
// and is returned. It fails at once when an option is wrong or a handler is
// missing. Generated code calls it.
func HandleTopics(ctx context.Context, s *Subscriber, name string, handlers func() []TopicHandler, opts []TopicHandlerOption) error {
	h := topicHandler{cfg: handlerConfig{subscription: s.defaults}, observer: s.observer}
	for _, o := range opts {
		o.applyHandler(&h.cfg)
	}
	var err error
	if h.handlers, err = collect(name, handlers); err != nil {
		return err
	}
	var patterns []TopicPattern
	bare := false
	for _, t := range h.handlers {
		if bare = bare || t.bare; !t.bare {
			patterns = append(patterns, t.pattern)
		}
	}
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
func (h *topicHandler) find(a *arrival) *TopicHandler {
	for i := range h.handlers {
		if t := &h.handlers[i]; t.bare || !t.gone && t.pattern.matches(a.topic) {
			return t
		}
	}
	return nil
}

// call calls the handler; a panic is an error.
func (h *topicHandler) call(ctx context.Context, t *TopicHandler, a *arrival) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover() // nil: the handler called runtime.Goexit
		err = fmt.Errorf("handler panicked: %v", value)
		h.observer.observe(Event{Kind: EventPanic, SocketType: string(zmtp.Sub), Procedure: t.name, Err: err, Stack: debug.Stack()})
		if value == nil {
			h.failed(ctx, t, a, errors.New("handler ended its goroutine"))
		}
	}()
	err = t.run(ctx, &h.sub.subscriber.bodies, a)
	returned = true
	return err
}

func (h *topicHandler) failed(ctx context.Context, t *TopicHandler, a *arrival, err error) {
	if errors.Is(err, errUnhandled) {
		h.sub.giveUp(t.pattern)
		t.gone = true
	}
	topic := string(a.topic)
	h.observer.observe(Event{Kind: EventTopicFailed, SocketType: string(zmtp.Sub), Procedure: t.name, Topic: topic, Err: err})
	if h.cfg.onError != nil {
		h.cfg.onError(ctx, topic, err)
	}
}

var errUnhandled = errors.New("its subscription is given up")

// UnimplementedTopic returns the error of a topic that nobody handles. A handler
// that returns it gets no more of the topic. Generated code calls it.
func UnimplementedTopic[M proto.Message](t *Topic[M]) error {
	return Errorf(CodeUnimplemented, "%s is not handled: %w", t.Name, errUnhandled)
}
