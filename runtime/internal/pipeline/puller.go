package pipeline

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A PullerConfig configures a Puller.
type PullerConfig struct {
	Link   link.Config
	Credit int // how many tasks of each ventilator it holds at once
	// Unknown returns the status of a task whose procedure nobody takes,
	// encoded for its ventilator, and the same as an error.
	Unknown func(procedure []byte) (status []byte, err error)
}

// A Puller is a Consumer whose tasks go straight to the application. Its
// methods may be called from any goroutine.
type Puller struct {
	consumer *Consumer
	unknown  func(procedure []byte) (status []byte, err error)
	done     atomic.Uint64

	mu    sync.Mutex
	ended bool
	held  sync.WaitGroup // tasks that are with the application; none is added after End
}

// NewPuller returns a puller without ventilators. End and Shutdown must be
// called.
func NewPuller(cfg PullerConfig) *Puller {
	p := &Puller{unknown: cfg.Unknown}
	p.consumer = NewConsumer(ConsumerConfig{Link: cfg.Link, Concurrency: cfg.Credit, Stop: func() {}})
	p.consumer.Start()
	return p
}

// Links returns the connections to ventilators.
func (p *Puller) Links() *link.Group { return p.consumer.Links() }

// Progress returns how far the tasks are.
func (p *Puller) Progress() Progress {
	progress := p.consumer.Progress()
	progress.Done = p.done.Load()
	return progress
}

// End ends every Next and returns the tasks that wait.
func (p *Puller) End() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.consumer.Drain()
}

// Ending reports whether End was called.
func (p *Puller) Ending() bool { return p.consumer.Draining() }

// Shutdown closes the connections, after the tasks that are with the
// application have come to their end, or ctx has.
func (p *Puller) Shutdown(ctx context.Context) error {
	waitGroup(ctx, &p.held)
	return p.consumer.Shutdown(ctx)
}

// Next waits for a task of the procedure. It returns nil when ctx ends, and
// after End. It fails other tasks, which another puller may know; messages
// about a batch concern nobody here.
func (p *Puller) Next(ctx context.Context, procedure string) Result {
	for {
		d, err := p.consumer.Next(ctx, 0)
		switch {
		case err != nil:
			return nil
		case string(d.task.Procedure) == procedure:
			if !p.hold() {
				d.Finish(wire.VerbReturn, nil)
				return nil
			}
			return pulledTask{p, d}
		case d.task.Control():
			d.Finish(wire.VerbDone, nil)
		default:
			status, err := p.unknown(d.task.Procedure)
			d.Malformed(err)
			d.Finish(wire.VerbFail, status)
		}
	}
}

// hold counts a task that the application gets; it returns false after End.
func (p *Puller) hold() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false
	}
	p.held.Add(1)
	return true
}

// A pulledTask is a task that is with the application.
type pulledTask struct {
	puller *Puller
	*Delivery
}

// Ack reports the task as done (Result).
func (t pulledTask) Ack() (reported bool) {
	defer t.puller.held.Done()
	t.puller.done.Add(1)
	return t.Finish(wire.VerbDone, nil)
}

// Nack returns the task to its ventilator (Result).
func (t pulledTask) Nack() (reported bool) {
	defer t.puller.held.Done()
	return t.Finish(wire.VerbReturn, nil)
}
