package pipeline

import (
	"context"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Source is where the results of a sink, or the tasks of a puller, come from,
// with one of the guarantees.
type Source interface {
	// Links returns the connections.
	Links() *link.Group
	// Progress returns how many messages wait, are being dealt with and were.
	Progress() Progress
	// Fills returns how full the queues of the procedures are, and when the message
	// came that has been here for the longest time without an acknowledgement; the
	// zero time when there is none.
	Fills() (queues []subscription.Fill, oldest time.Time)
	// Each calls yield with the messages for a procedure, until ctx ends, End was
	// called or yield returns false. A message is valid during the call only. With
	// described it sets the message's Peer. If messages are acknowledged, ended,
	// unless it is nil, is called after yield, even if yield panics: it says
	// whether the message was acknowledged or will come again, and whether a peer
	// was left to receive that.
	Each(ctx context.Context, procedure string, described bool, yield func(Message) bool, ended func(acked, reported bool))
	// End ends every Each.
	End()
	// Shutdown closes the connections. End has been called.
	Shutdown(ctx context.Context) error
}

// A Message is a result, or a task, that a Source yields.
type Message struct {
	wire.Task
	Peer any // describes the connection that it came on; nil unless that is asked for
}

// An AckedSource is the Source with at-least-once delivery.
type AckedSource struct {
	Receiver
	Describe func(*link.Conn) any
}

// A Receiver gets results, or tasks, that are acknowledged.
type Receiver interface {
	Links() *link.Group
	Next(ctx context.Context, procedure string) Result
	Progress() Progress
	Fills() (queues []subscription.Fill, oldest time.Time)
	End()
	Shutdown(ctx context.Context) error
}

// Each yields the results of a procedure, and acknowledges each for which yield
// returns true. The others come again, also one whose yield panics (Source).
func (s AckedSource) Each(ctx context.Context, procedure string, described bool, yield func(Message) bool, ended func(acked, reported bool)) {
	peers := Peers{Describe: s.Describe}
	for ctx.Err() == nil {
		result := s.Next(ctx, procedure)
		if result == nil {
			return
		}
		m := Message{Task: *result.Task()}
		if described {
			m.Peer = peers.Of(result.From())
		}
		if !yieldResult(result, m, yield, ended) {
			return
		}
	}
}

func yieldResult(r Result, m Message, yield func(Message) bool, ended func(acked, reported bool)) (handled bool) {
	defer func() {
		var reported bool
		if handled {
			reported = r.Ack()
		} else {
			reported = r.Nack()
		}
		if ended != nil {
			ended(handled, reported)
		}
	}()
	return yield(m)
}
