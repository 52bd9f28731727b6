package gozmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type sinkConfig struct {
	socketConfig
	delivery     Delivery
	queue        queueConfig
	window       windowConfig
	onBatch      func(BatchStatus)
	reliable     []string // names of options that need DeliveryAtLeastOnce
	interceptors interceptorOption
}

// Options from other files that NewSink takes.

func (o socketOption) applySink(c *sinkConfig)      { o(&c.socketConfig) }
func (e Endpoints) applySink(c *sinkConfig)         { e.add(&c.endpoints) }
func (o interceptorOption) applySink(c *sinkConfig) { c.interceptors = append(c.interceptors, o...) }
func (o codecOption) applySink(c *sinkConfig)       { o.apply(&c.socketConfig) }
func (d Delivery) applySink(c *sinkConfig)          { c.delivery = d }
func (q queueConfig) applySink(c *sinkConfig)       { c.queue = q }

type sinkOption func(*sinkConfig)

func (o sinkOption) applySink(c *sinkConfig) { o(c) }

// windowConfig bounds what a sink remembers.
type windowConfig struct {
	tasks int
	age   time.Duration
}

// WithDuplicateWindow sets how many results a sink with DeliveryAtLeastOnce
// remembers by their task's id, and for how long; an age of 0 has no limit. A
// result that is delivered again within this window is acknowledged and not
// yielded. With 0 tasks the sink remembers none. Defaults: 65536 and 10
// minutes.
func WithDuplicateWindow(tasks int, age time.Duration) SinkOption {
	return sinkOption(func(c *sinkConfig) {
		c.window = windowConfig{tasks, age}
		c.reliable = append(c.reliable, "WithDuplicateWindow")
	})
}

func (c *sinkConfig) check() error {
	errs := []error{c.socketConfig.check(), c.queue.check(), c.delivery.check(), c.interceptors.check()}
	if c.delivery == DeliveryAtMostOnce {
		for _, name := range c.reliable {
			errs = append(errs, onlyAtLeastOnce(name))
		}
	}
	if c.window.tasks < 0 || c.window.age < 0 {
		errs = append(errs, fmt.Errorf("WithDuplicateWindow: %d tasks and %v, want 0 or more of each", c.window.tasks, c.window.age))
	}
	return errors.Join(errs...)
}

// A Sink receives the results that workers send, or the tasks themselves where
// no worker stands between. Iterate over every method that has results: the
// sink drops nothing, so it stops reading a connection while nobody iterates
// over the method of its next result, or while that iterator's queue is full.
// In the end the connection's sender blocks, too.
//
// With DeliveryAtMostOnce it is a PULL socket. With DeliveryAtLeastOnce it is a
// ROUTER socket, and acknowledges a result when the body of the loop has ended
// normally; until then the result can be delivered again. To stop after a
// processed result, end the iteration's context: a loop that is left with break
// or return does not acknowledge its last result, and the next iteration yields
// it again.
type Sink struct {
	holdsSink
	source      pipeline.Source
	bodies      bodies
	observer    *observer
	interceptor Interceptor // nil: none
	delivery    Delivery
	pulls       bool // NewPuller opened it
	linger      time.Duration
	addrs       []string
	role        roleState
	watch       *pipeline.LoopWatch
	methods     methodCounters
}

// NewSink opens a sink, which binds and connects as its options say. Close must
// be called.
func NewSink(opts ...SinkOption) (*Sink, error) {
	return newSink(opts, false, newResultSource)
}

// NewPuller opens a sink that receives tasks directly from ventilators, without
// workers: for messages whose annotation makes them tasks. With
// DeliveryAtLeastOnce it is a DEALER socket, and a task is done when the body
// of the loop has ended normally. Close must be called.
func NewPuller(opts ...SinkOption) (*Sink, error) {
	return newSink(opts, true, newPulledSource)
}

func newSink(opts []SinkOption, pulls bool, open func(*sinkConfig, *observer) pipeline.Source) (*Sink, error) {
	cfg := sinkConfig{socketConfig: newSocketConfig(zmtp.Pull, handshake.RoleSink), queue: defaultQueue, window: windowConfig{65536, 10 * time.Minute}}
	for _, o := range opts {
		o.applySink(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	s := &Sink{delivery: cfg.delivery, interceptor: cfg.interceptors.chain(), pulls: pulls, linger: cfg.linger}
	s.observer = newObserver(cfg.observer, &s.role)
	s.bodies = cfg.bodies(s.observer)
	s.holdsSink = bridge.Hold[bridge.Sink[Method, Event]]((*resulting)(s))
	s.source = open(&cfg, s.observer)
	s.watch = pipeline.NewLoopWatch(s.unclaimed)
	var err error
	if s.addrs, err = cfg.endpoints.open(s.source.Links()); err != nil {
		s.Close()
		return nil, fmt.Errorf("sink: %w", err)
	}
	return s, nil
}

// Addrs returns the bound endpoints, with ports filled in.
func (s *Sink) Addrs() []string { return s.addrs }

// Progress returns the numbers of results that wait, are processed and were
// done.
func (s *Sink) Progress() Progress { return Progress(s.source.Progress()) }

// Close ends every iteration and closes the connections. With
// DeliveryAtMostOnce, results that were received and not yielded are lost. With
// DeliveryAtLeastOnce their workers still have them; Close waits until the
// function of WithBatchHandler and the running bodies of loops have returned
// and their results are acknowledged, or until the linger time ends. The body
// of a loop should not call Close, which would wait for it until then.
func (s *Sink) Close() error {
	s.watch.Close()
	s.source.End()
	err := lingering(s.linger, s.source.Shutdown)
	s.observer.close()
	return err
}

// unclaimed reports that nobody iterates over the sink while something waits; it
// returns false if nothing does.
func (s *Sink) unclaimed() bool {
	n := s.source.Progress().Queued
	if n > 0 {
		s.observer.observe(Event{Kind: EventUnclaimed, SocketType: string(s.socketType()), Count: n})
	}
	return n > 0
}

// holdsSink is what gozmqimpl finds in a Sink.
type holdsSink = bridge.Held[bridge.Sink[Method, Event]]

// resulting is a Sink as gozmqimpl sees it (bridge.Sink).
type resulting Sink

func (s *resulting) Role() bridge.Role[Event] { return &s.role }

func (s *resulting) Check(m *Method, pull bool) error {
	if err := m.checkDelivery(s.delivery); err != nil {
		return err
	}
	if s.delivery == DeliveryAtLeastOnce && pull != s.pulls {
		return Errorf(CodeFailedPrecondition, "%s: results come to NewSink and tasks to NewPuller: open the other one", m.Procedure)
	}
	return nil
}

// Results yields only an error with CodeFailedPrecondition when the sink's
// guarantee is not the method's.
func (s *resulting) Results(ctx context.Context, m *Method, fresh func() proto.Message, yield func(proto.Message, error) bool) {
	if err := m.checkDelivery(s.delivery); err != nil {
		yield(nil, err)
		return
	}
	s.watch.Begin()
	defer s.watch.End()
	loop := resultLoop{sink: (*Sink)(s), ctx: ctx, method: m, fresh: fresh, yield: yield, info: storedInfo[TaskInfo](ctx), counter: s.methods.of(m)}
	loop.pause.begin(s.interceptor)
	procedure := m.Procedure
	if m.Bare && s.delivery == DeliveryAtMostOnce {
		procedure = ""
	}
	if s.interceptor == nil && loop.info == nil {
		s.source.Each(ctx, procedure, false, loop.plain, nil)
	} else {
		s.source.Each(ctx, procedure, true, loop.described, loop.ended)
	}
}

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
