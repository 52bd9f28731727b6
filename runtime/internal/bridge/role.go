package bridge

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// A Topic says how the messages of one topic are published. M is gozmq.Method.
type Topic[M any] interface {
	// Method has the topic's name as its procedure.
	Method() *M
	// Name is "package.Service/Method", or the message's full name.
	Name() string
	// Bare leaves the topic's frame out.
	Bare() bool
	// Traits are those of the annotation; none where the topic is bare.
	Traits() socket.Traits
	// Append appends m's topic to b.
	Append(b []byte, m proto.Message) []byte
}

// A Conn is what gozmq.Conn holds. E is gozmq.Event.
type Conn[E any] interface {
	Roled[E]
	// Do makes one exchange in the socket's own frames, with whichever server is
	// least busy. It fails as socket.Dealer.Do does.
	Do(ctx context.Context, x socket.Exchange) error
}

// A Publisher is what gozmq.Publisher holds. M is gozmq.Method, and E
// gozmq.Event.
type Publisher[M, E any] interface {
	Roled[E]
	// Publish sends m to those who subscribed to its topic.
	Publish(ctx context.Context, t Topic[M], m proto.Message) error
}

// A Subscriber is what gozmq.Subscriber holds. O and H are its options for a
// subscription and for handlers, M is gozmq.Method, and E gozmq.Event.
type Subscriber[O, H, M, E any] interface {
	Roled[E]
	// Open begins a subscription to the topics of the patterns, or to messages
	// without a topic; m is theirs.
	Open(m *M, patterns []topic.Pattern, bare bool, opts []O) (Subscription, error)
	// Handle hands messages to the handlers until ctx ends or the subscriber is
	// closed. name is the service's.
	Handle(ctx context.Context, name string, handlers []TopicHandler[M], opts []H) error
	// Follow joins snapshots and messages until ctx ends, the subscriber is
	// closed or one of the functions in f returns false.
	Follow(ctx context.Context, m *M, patterns []topic.Pattern, f State)
}

// A Subscription receives messages until Close.
type Subscription interface {
	Add(p topic.Pattern)
	Remove(p topic.Pattern)
	// Each yields messages that fresh makes until ctx ends, the subscription
	// ends or yield returns false.
	Each(ctx context.Context, fresh func() proto.Message, yield func(proto.Message, error) bool)
	Dropped() uint64
	Close() error
}

// A TopicHandler handles the messages of one topic. M is gozmq.Method.
type TopicHandler[M any] struct {
	Method  *M
	Name    string
	Bare    bool
	Pattern topic.Pattern
	New     func() proto.Message
	Run     func(context.Context, proto.Message) error
}

// A State is a state behind a topic that is followed.
type State struct {
	// Procedure returns snapshots.
	Procedure string
	// Ask returns the headers of a snapshot's reply, and what yields the
	// snapshot.
	Ask func(ctx context.Context) (headers map[string][]string, yield func() bool, err error)
	// New makes a message of the topic, and Update yields it.
	New    func() proto.Message
	Update func(proto.Message, error) bool
	// Fail yields an error.
	Fail func(error) bool
}

// A Ventilator is what gozmq.Ventilator holds. M is gozmq.Method, and E
// gozmq.Event.
type Ventilator[M, E any] interface {
	Roled[E]
	// Check returns an error when the ventilator does not deliver as m does.
	Check(m *M) error
	// Push hands over a task.
	Push(ctx context.Context, m *M, task proto.Message) error
	// Record returns a task that is not pushed but put into a store.
	Record(ctx context.Context, m *M, task proto.Message) (gozmqstore.Task, error)
}

// A Sink is what gozmq.Sink holds. M is gozmq.Method, and E gozmq.Event.
type Sink[M, E any] interface {
	Roled[E]
	// Check returns an error when the sink does not deliver as m does, or takes
	// tasks where m has results: pull says that m's tasks are pulled.
	Check(m *M, pull bool) error
	// Results yields results that fresh makes until ctx ends, the sink is closed
	// or yield returns false.
	Results(ctx context.Context, m *M, fresh func() proto.Message, yield func(proto.Message, error) bool)
}
