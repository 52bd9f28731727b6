package gozmq

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A plainSink is the source of a sink with DeliveryAtMostOnce.
type plainSink struct {
	engine *pipeline.Collector
	peers  pipeline.Numbered[*Peer]
}

func newPlainSink(cfg *sinkConfig, o *observer) *plainSink {
	s := &plainSink{peers: pipeline.Numbered[*Peer]{Describe: peerOf}}
	cfg.Observe = o.link(cfg.SocketType)
	s.engine = pipeline.NewCollector(pipeline.CollectorConfig{
		Socket:  cfg.Config,
		Queue:   subscription.QueueConfig{Messages: cfg.queue.messages, Bytes: cfg.queue.bytes},
		Batches: pipeline.NewBatchCounter(batchReporter(cfg.onBatch, cfg.SocketType, o), false),
		Number:  s.peers.Number,
		Unclaimed: func(c *link.Conn, procedure []byte) {
			o.observe(Event{
				Kind: EventUnclaimed, SocketType: string(zmtp.Pull), Endpoint: c.Endpoint(), Peer: c.Address(), Procedure: string(wire.Excerpt(procedure)),
			})
		},
	})
	return s
}

// iterate yields what a method's queue has.
func (s *plainSink) iterate(ctx context.Context, m *Method, described bool, yield func(sinkMessage) bool) {
	procedure := m.Procedure
	if m.Bare {
		procedure = ""
	}
	s.engine.Each(ctx, procedure, func(number []byte, t wire.Task) bool {
		message := sinkMessage{Task: t}
		if described {
			message.peer = s.peers.Of(number)
		}
		return yield(message)
	})
}

func (s *plainSink) links() *link.Group { return s.engine.Links() }

func (s *plainSink) end() { s.engine.End() }

func (s *plainSink) shutdown(ctx context.Context) error { return s.engine.Shutdown(ctx) }

func (s *plainSink) progress() (p Progress) {
	p.Queued, p.Done = s.engine.Progress()
	return p
}
