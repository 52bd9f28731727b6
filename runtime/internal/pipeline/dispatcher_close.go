package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// StopWorkers ends every worker that is connected. No task follows to it on that
// connection.
func (d *Dispatcher) StopWorkers() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return link.ErrClosed
	}
	for c, p := range d.peers {
		d.stop(c, p)
	}
	d.dispatch() // a task that waits for one of them may go to another worker
	return nil
}

// Close ends the dispatcher. Without a store it first waits until every task is
// done, with one until no worker has a task, each until ctx ends.
func (d *Dispatcher) Close(ctx context.Context) error {
	d.mu.Lock()
	d.paused = d.cfg.Store != nil
	_ = d.waitLocked(ctx, func() bool {
		if d.cfg.Store != nil {
			return d.queue.Counts().InFlight == 0
		}
		return d.idle()
	})
	again := d.closed
	d.closed, d.paused = true, true
	d.changed.Notify()
	d.mu.Unlock()
	err := d.direct.Shutdown(ctx)
	if again {
		return err
	}
	d.clock.Stop()
	d.stopAlive()
	letters := d.letters.close(ctx)
	return errors.Join(err, d.closeOwning(ctx), d.unfinished(), d.unhandled(letters))
}

// Closing reports whether a call of Close waits for workers.
func (d *Dispatcher) Closing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.paused && !d.closed && d.waiters > 0
}

// unfinished returns an error that says what Close has waited for in vain.
func (d *Dispatcher) unfinished() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cfg.Store != nil {
		if n := d.queue.Counts().InFlight; n > 0 {
			return fmt.Errorf("tasks that workers still have: %d (they are stored, and will be done again; raise the time with WithLinger)", n)
		}
		return nil
	}
	if n := d.queue.Len(); n > 0 {
		return fmt.Errorf("tasks not done: %d (wait for them with Wait, or keep them with WithTaskStore)", n)
	}
	return nil
}

// unhandled returns an error that says how many dead letters nobody has taken.
func (d *Dispatcher) unhandled(n int) error {
	switch {
	case n == 0:
		return nil
	case d.cfg.Store != nil:
		return fmt.Errorf("dead letters that were not handled: %d (they are stored, and will be offered again)", n)
	}
	return fmt.Errorf("dead letters that were not handled, and are lost: %d (keep their tasks with WithTaskStore)", n)
}
