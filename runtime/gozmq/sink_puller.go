package gozmq

import (
	"context"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// An itemSource is a resultSource that is told when each result was dealt with.
type itemSource interface {
	resultSource
	// take waits for a result of a method; nil when ctx ends, or after end.
	take(ctx context.Context, m *Method) resultItem
}

// A resultItem is a result that is with the application.
type resultItem interface {
	content() []byte
	// settle says that the application has dealt with the result, or that it is
	// to come again. It is called once.
	settle(handled bool)
}

// drainItems decodes and yields what comes until there is no more, ctx ends or
// yield returns false.
func drainItems[T any, P message[T]](ctx context.Context, s itemSource, c *bodies, m *Method, yield func(P, error) bool) {
	for ctx.Err() == nil {
		item := s.take(ctx, m)
		if item == nil || !yieldItem[T, P](c, item, yield) {
			return
		}
	}
}

// awaitHeld waits until nothing is with the application any more, or ctx ends.
func awaitHeld(ctx context.Context, held *sync.WaitGroup) {
	none := make(chan struct{})
	go func() {
		held.Wait()
		close(none)
	}()
	select {
	case <-none:
	case <-ctx.Done():
	}
}

func yieldItem[T any, P message[T]](c *bodies, item resultItem, yield func(P, error) bool) (handled bool) {
	defer func() { item.settle(handled) }() // the loop may panic
	return yield(decodeBody[T, P](c, item.content()))
}

// pulledTasks is the source of a sink that takes tasks at least once from
// ventilators, without a worker between.
type pulledTasks struct {
	taker *taker
	done  counter

	mu    sync.Mutex
	ended bool
	held  sync.WaitGroup // tasks that are with the application; none is added after end
}

func newPulledTasks(cfg *sinkConfig, o *observer) *pulledTasks {
	return &pulledTasks{taker: newTaker(cfg.Config, o, min(cfg.queue.messages, pulledAhead), func() {})}
}

// pulledAhead is the most tasks of one ventilator that a puller holds at once.
const pulledAhead = 16

func (p *pulledTasks) links() *link.Group { return p.taker.direct.Links() }

func (p *pulledTasks) progress() Progress {
	queued, running, again := p.taker.progress()
	return Progress{Queued: queued, InFlight: running, Done: p.done.Load(), Redelivered: again}
}

// end ends every iteration.
func (p *pulledTasks) end() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.taker.drain()
}

// shutdown closes the connections, after the tasks that are with the application
// have come to their end, or ctx has.
func (p *pulledTasks) shutdown(ctx context.Context) error {
	awaitHeld(ctx, &p.held)
	return p.taker.shutdown(ctx)
}

// take waits for a task of the method; others are refused, which another puller
// may know, and word of a batch is for no one here.
func (p *pulledTasks) take(ctx context.Context, m *Method) resultItem {
	for {
		l, err := p.taker.take(ctx, time.Duration(0))
		switch {
		case err != nil:
			return nil
		case string(l.method) == m.Procedure:
			if !p.hold() {
				p.taker.finish(l, wordReturn, nil)
				return nil
			}
			return pulledTask{p, l}
		case len(l.method) == 0:
			p.taker.finish(l, wordDone, nil)
		default:
			p.taker.malformed(l, errNoSuchTask)
			p.taker.finish(l, wordFail, appendStatus(nil, Errorf(CodeUnimplemented, "method %q %w", cut(l.method), errNoSuchTask), maxStatus))
		}
	}
}

// hold counts a task that the application gets; it returns false after end.
func (p *pulledTasks) hold() bool {
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
	p *pulledTasks
	*lease
}

func (t pulledTask) content() []byte { return t.body }

func (t pulledTask) settle(handled bool) {
	defer t.p.held.Done()
	if handled {
		t.p.done.Add(1)
		t.p.taker.finish(t.lease, wordDone, nil)
	} else {
		t.p.taker.finish(t.lease, wordReturn, nil)
	}
}
