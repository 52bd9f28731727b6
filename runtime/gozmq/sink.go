package gozmq

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type sinkConfig struct {
	socketConfig
	delivery    Delivery
	queue       queueConfig
	window      windowConfig
	batchStatus func(BatchStatus)
	reliable    []string // options that are for delivery at least once only
}

type sinkOption func(*sinkConfig)

func (o sinkOption) applySink(c *sinkConfig) { o(c) }

// windowConfig bounds what a sink remembers.
type windowConfig struct {
	tasks int
	age   time.Duration
}

// WithDuplicateWindow sets how many results a sink that takes them at least
// once remembers by their task's id, and for how long, 0 being for ever: one
// that comes again within this window is acknowledged and not handed to the
// application. Without tasks nothing is remembered. Defaults: 65536 and 10
// minutes.
func WithDuplicateWindow(tasks int, age time.Duration) SinkOption {
	return sinkOption(func(c *sinkConfig) {
		c.window = windowConfig{tasks, age}
		c.reliable = append(c.reliable, "WithDuplicateWindow")
	})
}

func (c *sinkConfig) check() error {
	errs := []error{c.socketConfig.check(), c.queue.check(), c.delivery.check()}
	if c.delivery == AtMostOnce {
		for _, name := range c.reliable {
			errs = append(errs, onlyAtLeastOnce(name))
		}
	}
	if c.window.tasks < 0 || c.window.age < 0 {
		errs = append(errs, fmt.Errorf("WithDuplicateWindow: %d tasks and %v, want 0 or more of each", c.window.tasks, c.window.age))
	}
	return errors.Join(errs...)
}

// A resultSource is where the results of a sink come from, with one of the
// guarantees.
type resultSource interface {
	links() *link.Group
	progress() Progress
	// end ends every iteration.
	end()
	// shutdown closes the connections; end must have been called.
	shutdown(ctx context.Context) error
}

// A Sink receives the results that workers send, or the tasks themselves where
// nothing stands between. It drops nothing: a connection whose next result no
// one iterates over, or finds the iterator's queue full, waits, and so does its
// sender in the end. Iterate over every method that has results.
//
// At most once it is a PULL socket. At least once it is a ROUTER socket: a
// result is acknowledged when the body of the loop has come to its end, so that
// a result that the program did not get through comes again. To stop behind a
// result that was dealt with, end the iteration's context: a loop that is left
// with break or return leaves its last result unacknowledged, for the next
// iteration.
type Sink struct {
	source   resultSource
	bodies   bodies
	observer *observer
	delivery Delivery
	linger   time.Duration
	addrs    []string
}

// NewSink opens a sink. Close must be called.
func NewSink(opts ...SinkOption) (*Sink, error) {
	return newSink(opts, func(cfg *sinkConfig, o *observer) resultSource {
		if cfg.delivery == AtLeastOnce {
			return newReceipts(cfg, o)
		}
		return newPlainSink(cfg, o)
	})
}

// NewPuller opens a sink that takes tasks straight from ventilators, of
// messages that are tasks by themselves. At least once it is a DEALER socket,
// and the end of the loop's body tells that the task is done. Generated code
// calls it. Close must be called.
func NewPuller(opts ...SinkOption) (*Sink, error) {
	return newSink(opts, func(cfg *sinkConfig, o *observer) resultSource {
		if cfg.delivery == AtLeastOnce {
			return newPulledTasks(cfg, o)
		}
		return newPlainSink(cfg, o)
	})
}

func newSink(opts []SinkOption, open func(*sinkConfig, *observer) resultSource) (*Sink, error) {
	cfg := sinkConfig{socketConfig: newSocketConfig(zmtp.Pull), queue: defaultQueue, window: windowConfig{65536, 10 * time.Minute}}
	for _, o := range opts {
		o.applySink(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	s := &Sink{bodies: cfg.bodies(), observer: newObserver(cfg.observer), delivery: cfg.delivery, linger: cfg.linger}
	s.source = open(&cfg, s.observer)
	var err error
	if s.addrs, err = cfg.endpoints.open(s.source.links()); err != nil {
		s.Close()
		return nil, fmt.Errorf("sink: %w", err)
	}
	return s, nil
}

// Addrs returns the endpoints that were bound, with ports filled in.
func (s *Sink) Addrs() []string { return s.addrs }

// Progress returns how far the sink is.
func (s *Sink) Progress() Progress { return s.source.progress() }

// Close ends every iteration and closes the connections. What was received and
// not iterated over is gone at most once. At least once its workers still have
// it, and Close waits until WithBatchStatus's function and the loops' bodies that
// run have returned, and what they dealt with has been acknowledged, or the linger
// time is over; called by a loop's body it waits for itself until then.
func (s *Sink) Close() error {
	s.source.end()
	err := lingering(s.linger, s.source.shutdown)
	s.observer.close()
	return err
}

// Results returns an iterator over the results of one method. Generated code
// calls it. It ends with ctx or with Close. A result that cannot be decoded is
// yielded as an error, and the iteration goes on. Several iterations of one
// method share its results. When the sink's guarantee is not the method's, the
// only thing that is yielded is an error with CodeFailedPrecondition.
func Results[T any, P message[T]](ctx context.Context, s *Sink, m *Method) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		if err := m.checkDelivery(s.delivery); err != nil {
			yield(nil, err)
			return
		}
		switch source := s.source.(type) {
		case *plainSink:
			source.inboxOf(m).Drain(ctx, func(p *wire.Publication) bool { return yield(decodeBody[T, P](&s.bodies, p.Body)) })
		case itemSource:
			drainItems[T, P](ctx, source, &s.bodies, m, yield)
		}
	}
}
