package gozmq

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An ackedSource is the source of a sink with DeliveryAtLeastOnce.
type ackedSource struct{ engine ackedEngine }

// An ackedEngine yields results, or tasks, that are acknowledged.
type ackedEngine interface {
	Links() *link.Group
	Next(ctx context.Context, procedure string) pipeline.Result
	Progress() pipeline.Progress
	End()
	Shutdown(ctx context.Context) error
}

// newResultSource returns the source of a sink behind workers.
func newResultSource(cfg *sinkConfig, o *observer) resultSource {
	if cfg.delivery == DeliveryAtMostOnce {
		return newPlainSink(cfg, o)
	}
	cfg.Observe = o.link(zmtp.Router)
	return &ackedSource{pipeline.NewResultReceiver(pipeline.ReceiverConfig{
		Link: cfg.Config, MaxResults: cfg.queue.messages, MaxBytes: cfg.queue.bytes,
		WindowTasks: cfg.window.tasks, WindowAge: cfg.window.age,
		Batch:    batchReporter(cfg.onBatch, zmtp.Router, o),
		TooLarge: tooLargeResult,
		Unclaimed: func(c *link.Conn, procedure string) {
			o.observe(Event{Kind: EventUnclaimed, SocketType: string(zmtp.Router), Endpoint: c.Endpoint(), Peer: c.Address(), Procedure: procedure})
		},
	})}
}

// pulledAhead is the most tasks of one ventilator that a puller holds at once.
const pulledAhead = 16

// newPulledSource returns the source of a sink that takes tasks from
// ventilators.
func newPulledSource(cfg *sinkConfig, o *observer) resultSource {
	cfg.Role = handshake.RoleWorker
	if cfg.delivery == DeliveryAtMostOnce {
		return newPlainSink(cfg, o)
	}
	cfg.Observe = o.link(zmtp.Dealer)
	return &ackedSource{pipeline.NewPuller(pipeline.PullerConfig{
		Link: cfg.Config, Credit: min(cfg.queue.messages, pulledAhead),
		Unknown: func(procedure []byte) ([]byte, error) {
			err := unknownTask(procedure)
			return encodeStatus(err, maxStatus), err
		},
		TooLarge: tooLargeTask,
	})}
}

func (s *ackedSource) links() *link.Group { return s.engine.Links() }

func (s *ackedSource) progress() Progress { return Progress(s.engine.Progress()) }

func (s *ackedSource) end() { s.engine.End() }

func (s *ackedSource) shutdown(ctx context.Context) error { return s.engine.Shutdown(ctx) }

func (s *ackedSource) iterate(ctx context.Context, m *Method, described bool, yield func(sinkMessage) bool) {
	peers := pipeline.Peers{Describe: describe}
	for ctx.Err() == nil {
		result := s.engine.Next(ctx, m.Procedure)
		if result == nil {
			return
		}
		message := sinkMessage{Task: *result.Task()}
		if described {
			message.peer = peers.Of(result.From()).(*Peer)
		}
		if !yieldResult(result, message, yield) {
			return
		}
	}
}

// yieldResult yields a result and acknowledges it if yield returns true.
// Otherwise, and when the body of the loop panics, the result is to come again.
func yieldResult(r pipeline.Result, m sinkMessage, yield func(sinkMessage) bool) (handled bool) {
	defer func() {
		if handled {
			r.Ack()
		} else {
			r.Nack()
		}
	}()
	return yield(m)
}
