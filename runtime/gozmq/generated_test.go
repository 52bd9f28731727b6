package gozmq

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// This file stands in for package gozmqimpl, which imports this one, so that the
// tests here cannot: the same functions over the same bridge, for tests only.

type (
	Service      = bridge.Service[Method]
	Handler      = bridge.Handler[Method]
	TaskHandler  = bridge.TaskHandler[Method]
	TopicHandler = bridge.TopicHandler[Method]
	TopicTraits  = socket.Traits
)

const (
	Sequenced  = socket.Sequenced
	Retained   = socket.Retained
	LatestOnly = socket.LatestOnly
)

func freshOf[T any, P message[T]]() proto.Message { return P(new(T)) }

func Call[Resp any, R message[Resp]](ctx context.Context, c Caller, m *Method, req proto.Message, opts ...CallOption) (R, error) {
	reply := R(new(Resp))
	if err := c.Call(ctx, m, req, reply, opts...); err != nil {
		return nil, err
	}
	return reply, nil
}

func Handle[Req, Resp any, P message[Req], R message[Resp]](m *Method, serve func(context.Context, P) (R, error)) Handler {
	return Handler{
		Method: m, New: freshOf[Req, P], Output: R(nil).ProtoReflect().Descriptor().FullName(),
		Serve: func(ctx context.Context, req proto.Message) (proto.Message, error) {
			resp, err := serve(ctx, req.(P))
			if err != nil {
				return nil, err
			}
			return resp, nil
		},
	}
}

func Register(r Registrar, name string, desc protoreflect.ServiceDescriptor, handlers func() []Handler) error {
	return r.RegisterService(Service{Name: name, Descriptor: desc, Handlers: handlers()})
}

func Unimplemented(m *Method) error {
	return &Error{Code: CodeUnimplemented, Message: m.Procedure + " is not implemented"}
}

// A Topic describes what one topic's messages are published under.
type Topic[M proto.Message] struct {
	Name   string
	Append func(b []byte, m M) []byte // nil: the topic is Name
	Bare   bool
	Traits TopicTraits
}

// topicMethods has the methods of topics, by the topics' addresses.
var topicMethods sync.Map

func (t *Topic[M]) method() *Method {
	m, ok := topicMethods.Load(t)
	if !ok {
		m, _ = topicMethods.LoadOrStore(t, &Method{Procedure: t.Name, Bare: t.Bare})
	}
	return m.(*Method)
}

// subscribed is the method of the iterations of these tests.
var subscribed = &Method{Procedure: "test.Feed/Subscribed"}

// described is a Topic as the runtime sees it (bridge.Topic).
type described[M proto.Message] struct{ of *Topic[M] }

func (t described[M]) Method() *Method     { return t.of.method() }
func (t described[M]) Name() string        { return t.of.Name }
func (t described[M]) Bare() bool          { return t.of.Bare }
func (t described[M]) Traits() TopicTraits { return t.of.Traits }

func (t described[M]) Append(b []byte, m proto.Message) []byte {
	if t.of.Append == nil {
		return append(b, t.of.Name...)
	}
	return t.of.Append(b, m.(M))
}

func Publish[M proto.Message](ctx context.Context, p *Publisher, t *Topic[M], m M) error {
	return bridge.Open(p).Publish(ctx, described[M]{t}, m)
}

// Literal adds text to a pattern.
func (p *TopicPattern) Literal(s string) {
	of := bridge.Open(p)
	of.AddLiteral(s)
	bridge.Set(p, of)
}

// Marked returns p with the traits that make a difference to a subscriber.
func (p TopicPattern) Marked(t TopicTraits) TopicPattern {
	of := bridge.Open(&p)
	of.LatestOnly = of.LatestOnly || t&LatestOnly != 0
	bridge.Set(&p, of)
	return p
}

func matchField[V any](p *TopicPattern, m Match[V], kind topic.Kind[V], delim byte) {
	if v, fixed := m.Value(); fixed {
		p.Literal(string(kind.Append(nil, v, delim)))
		return
	}
	of := bridge.Open(p)
	of.AddOpen(delim)
	bridge.Set(p, of)
}

func MatchString(p *TopicPattern, m Match[string], delim byte) {
	matchField(p, m, topic.StringKind(), delim)
}

func AppendString(b []byte, v string, delim byte) []byte { return topic.AppendString(b, v, delim) }

func patternsOf[F Filter](filters []F) []topic.Pattern {
	if len(filters) == 0 {
		filters = make([]F, 1)
	}
	var patterns []topic.Pattern
	for _, f := range filters {
		patterns = append(patterns, patternOf(f))
	}
	return patterns
}

func each[T any, P message[T]](ctx context.Context, sub bridge.Subscription, yield func(P, error) bool) {
	sub.Each(ctx, freshOf[T, P], func(m proto.Message, err error) bool {
		if err != nil {
			return yield(nil, err)
		}
		return yield(m.(P), nil)
	})
}

func iterate[T any, P message[T]](ctx context.Context, s *Subscriber, patterns []topic.Pattern, bare bool) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		sub, err := bridge.Open(s).Open(subscribed, patterns, bare, nil)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = sub.Close() }()
		each[T, P](ctx, sub, yield)
	}
}

func Subscribe[T any, P message[T], F Filter](ctx context.Context, s *Subscriber, filters []F) iter.Seq2[P, error] {
	return iterate[T, P](ctx, s, patternsOf(filters), false)
}

func SubscribeBare[T any, P message[T]](ctx context.Context, s *Subscriber) iter.Seq2[P, error] {
	return iterate[T, P](ctx, s, nil, true)
}

type typedSubscription[T any, P message[T], F Filter] struct{ bridge.Subscription }

func (s typedSubscription[T, P, F]) Add(filters ...F) {
	for _, f := range filters {
		s.Subscription.Add(patternOf(f))
	}
}

func (s typedSubscription[T, P, F]) Remove(filters ...F) {
	for _, f := range filters {
		s.Subscription.Remove(patternOf(f))
	}
}

func (s typedSubscription[T, P, F]) All(ctx context.Context) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) { each[T, P](ctx, s.Subscription, yield) }
}

// engineOf returns a subscription's engine.
func engineOf[M proto.Message, F Filter](s Subscription[M, F]) *subscription.Subscription {
	return s.(interface {
		engine() *subscription.Subscription
	}).engine()
}

func (s typedSubscription[T, P, F]) engine() *subscription.Subscription {
	return s.Subscription.(*opened).sub
}

func OpenSubscription[T any, P message[T], F Filter](s *Subscriber, filters []F, opts []SubscriptionOption) (Subscription[P, F], error) {
	sub, err := bridge.Open(s).Open(subscribed, patternsOf(filters), false, opts)
	if err != nil {
		return nil, err
	}
	return typedSubscription[T, P, F]{sub}, nil
}

func OpenBareSubscription[T any, P message[T]](s *Subscriber, opts []SubscriptionOption) (Subscription[P, TopicPattern], error) {
	sub, err := bridge.Open(s).Open(subscribed, nil, true, opts)
	if err != nil {
		return nil, err
	}
	return typedSubscription[T, P, TopicPattern]{sub}, nil
}

func HandleTopic[T any, P message[T]](t *Topic[P], all Filter, run func(context.Context, P) error) TopicHandler {
	return TopicHandler{
		Method: t.method(), Name: t.Name, Bare: t.Bare, Pattern: patternOf(all), New: freshOf[T, P],
		Run: func(ctx context.Context, m proto.Message) error { return run(ctx, m.(P)) },
	}
}

func HandleTopics(ctx context.Context, s *Subscriber, name string, handlers func() []TopicHandler, opts []TopicHandlerOption) error {
	return bridge.Open(s).Handle(ctx, name, handlers(), opts)
}

func UnimplementedTopic[M proto.Message](t *Topic[M]) error {
	return Errorf(CodeUnimplemented, "%s is not handled: %w", t.Name, bridge.ErrUnhandled)
}

func FollowState[S, T any, R message[S], M message[T], F Filter](ctx context.Context, s *Subscriber, caller Caller, method *Method, req proto.Message, filters []F) iter.Seq2[Change[R, M], error] {
	return func(yield func(Change[R, M], error) bool) {
		bridge.Open(s).Follow(ctx, subscribed, patternsOf(filters), bridge.State{
			Procedure: method.Procedure,
			Ask: func(ctx context.Context) (map[string][]string, func() bool, error) {
				var md ReplyMetadata
				snapshot := R(new(S))
				if err := caller.Call(ctx, method, req, snapshot, WithReplyMetadata(&md)); err != nil {
					return nil, nil, err
				}
				return md.Headers, func() bool { return yield(Change[R, M]{Snapshot: snapshot}, nil) }, nil
			},
			New: freshOf[T, M],
			Update: func(m proto.Message, err error) bool {
				update, _ := m.(M)
				return yield(Change[R, M]{Update: update}, err)
			},
			Fail: func(err error) bool { return yield(Change[R, M]{}, err) },
		})
	}
}

func (v *Ventilator) Push(ctx context.Context, m *Method, task proto.Message) error {
	return bridge.Open(v).Push(ctx, m, task)
}

func Results[T any, P message[T]](ctx context.Context, s *Sink, m *Method) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		bridge.Open(s).Results(ctx, m, freshOf[T, P], func(result proto.Message, err error) bool {
			if err != nil {
				return yield(nil, err)
			}
			return yield(result.(P), nil)
		})
	}
}

func HandleTask[Task, Result any, P message[Task], R message[Result]](m *Method, run func(context.Context, P) (R, error)) TaskHandler {
	return TaskHandler{
		Method: m, New: freshOf[Task, P], Result: true,
		Run: func(ctx context.Context, task proto.Message) (proto.Message, error) {
			result, err := run(ctx, task.(P))
			if err == nil && result == nil {
				err = fmt.Errorf("the handler returned neither a result nor an error")
			}
			return result, err
		},
	}
}

func HandleTaskOnly[Task any, P message[Task]](m *Method, run func(context.Context, P) error) TaskHandler {
	return TaskHandler{
		Method: m, New: freshOf[Task, P],
		Run: func(ctx context.Context, task proto.Message) (proto.Message, error) {
			return nil, run(ctx, task.(P))
		},
	}
}

func NewWorker(name string, handlers func() []TaskHandler, opts ...WorkerOption) (*Worker, error) {
	return bridge.Open(new(Worker)).Open(name, handlers(), opts)
}

func RunWorker(ctx context.Context, name string, handlers func() []TaskHandler, opts ...WorkerOption) error {
	w, err := NewWorker(name, handlers, opts...)
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// LiteralTopic returns the pattern that matches one topic, text.
func LiteralTopic(text string) TopicPattern {
	return TopicPattern{bridge.Hold(topic.Literal(text))}
}
