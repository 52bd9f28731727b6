package gozmq

import (
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// newResultSource returns the source of a sink behind workers.
func newResultSource(cfg *sinkConfig, o *observer) pipeline.Source {
	if cfg.delivery == DeliveryAtMostOnce {
		return newCollector(cfg, o)
	}
	cfg.Observe = o.link(zmtp.Router)
	return pipeline.AckedSource{Describe: describe, Receiver: pipeline.NewResultReceiver(pipeline.ReceiverConfig{
		Link: cfg.Config, MaxResults: cfg.queue.messages, MaxBytes: cfg.queue.bytes,
		WindowTasks: cfg.window.tasks, WindowAge: cfg.window.age,
		Batch:     batchReporter(cfg.onBatch, zmtp.Router, o),
		Unclaimed: reportUnclaimed(zmtp.Router, o),
	})}
}

// pulledAhead is the most tasks of one ventilator that a puller holds at once.
const pulledAhead = 16

// newPulledSource returns the source of a sink that takes tasks from
// ventilators.
func newPulledSource(cfg *sinkConfig, o *observer) pipeline.Source {
	cfg.Role = handshake.RoleWorker
	if cfg.delivery == DeliveryAtMostOnce {
		return newCollector(cfg, o)
	}
	cfg.Observe = o.link(zmtp.Dealer)
	return pipeline.AckedSource{Describe: describe, Receiver: pipeline.NewPuller(pipeline.PullerConfig{
		Link: cfg.Config, Credit: min(cfg.queue.messages, pulledAhead),
		Unknown: func(procedure []byte) ([]byte, error) {
			err := unknownTask(procedure)
			return encodeStatus(err, pipeline.MaxStatus), err
		},
	})}
}

// newCollector returns the source of a sink with DeliveryAtMostOnce.
func newCollector(cfg *sinkConfig, o *observer) pipeline.Source {
	cfg.Observe = o.link(cfg.SocketType)
	return pipeline.NewCollector(pipeline.CollectorConfig{
		Socket:    cfg.Config,
		Queue:     subscription.QueueConfig{Messages: cfg.queue.messages, Bytes: cfg.queue.bytes},
		Batches:   pipeline.NewBatchCounter(batchReporter(cfg.onBatch, cfg.SocketType, o), false),
		Describe:  describe,
		Unclaimed: reportUnclaimed(zmtp.Pull, o),
	})
}

// reportUnclaimed returns a function that reports results which nobody asks for.
func reportUnclaimed(t zmtp.SocketType, o *observer) func(*link.Conn, string) {
	return func(c *link.Conn, procedure string) {
		o.observe(Event{Kind: EventUnclaimed, SocketType: string(t), Endpoint: c.Endpoint(), Peer: c.Address(), Procedure: procedure})
	}
}
