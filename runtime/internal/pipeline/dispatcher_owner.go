package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/link"
)

// An ownership manages a Dispatcher's ownership of its store's queue: a goroutine
// waits for it, takes over the tasks, gives them up when it is lost, and repeats
// this until Close.
type ownership struct {
	ctx     context.Context // of Acquire and Load
	cancel  context.CancelFunc
	feeding context.CancelFunc // ends the feed of this reign; the dispatcher's mu guards it
	feeds   sync.WaitGroup
	done    chan struct{} // closed when the goroutine has ended
	started chan error    // is sent once: the first attempt has failed, or there is an owner
	once    sync.Once
}

// The pauses between two attempts to own a queue whose store fails.
const (
	firstOwnPause = 100 * time.Millisecond
	lastOwnPause  = 5 * time.Second
)

// ErrQueueLost says that a dispatcher no longer owns its store's queue.
var ErrQueueLost = errors.New("the queue of the task store was lost to another ventilator, or its lease has ended")

// startOwning returns when the dispatcher owns its store's queue, or knows that
// another one does. It returns an error if the store fails before.
func (d *Dispatcher) startOwning() error {
	if d.cfg.Store == nil {
		d.owner = true
		return nil
	}
	o := &d.owning
	o.ctx, o.cancel = context.WithCancel(context.Background())
	o.done, o.started = make(chan struct{}), make(chan error, 1)
	go d.own()
	return <-o.started
}

// first has startOwning return. It reports whether that was the first call.
func (o *ownership) first(err error) (was bool) {
	o.once.Do(func() { o.started <- err; was = true })
	return was
}

// own owns the queue whenever it can, until the context of owning ends.
func (d *Dispatcher) own() {
	o := &d.owning
	defer close(o.done)
	pause := firstOwnPause
	for o.ctx.Err() == nil {
		grace := time.Duration(0)
		if d.reigned() > 0 {
			grace = claimGrace
		}
		session, err := d.cfg.Store.Acquire(o.ctx, func() {
			grace = claimGrace
			if d.reigned() == 0 {
				d.cfg.Standby(nil)
			}
			o.first(nil)
		})
		var w *storeWriter
		if err == nil {
			w, err = d.takeOver(session, grace)
		}
		if err == nil {
			pause = firstOwnPause
			o.first(nil)
			d.reignUntilLost(session, w)
			sleep(o.ctx, firstOwnPause) // standby ventilators come first
			continue
		}
		if o.ctx.Err() != nil || errors.Is(err, link.ErrClosed) || o.first(err) {
			return
		}
		d.cfg.StoreFailed(err)
		sleep(o.ctx, pause)
		pause = min(2*pause, lastOwnPause)
	}
}

// sleep waits for a time, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// reigned returns how often the dispatcher came to own the queue.
func (d *Dispatcher) reigned() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reign
}

// takeOver loads the tasks of the store, and begins to hand them out after the
// grace.
func (d *Dispatcher) takeOver(session gozmqstore.Session, grace time.Duration) (*storeWriter, error) {
	o := &d.owning
	began := time.Now()
	restored := newRestorer(d)
	if err := session.Load(o.ctx, restored.visit); err != nil {
		err = fmt.Errorf("load the stored tasks: %w", err)
		return nil, errors.Join(err, session.Release(o.ctx))
	}
	sleep(o.ctx, grace-time.Since(began))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.paused { // Close has begun
		return nil, errors.Join(link.ErrClosed, session.Release(o.ctx))
	}
	w := newStoreWriter(session, d.cfg.StoreFailed)
	d.store, d.owner = w, true
	d.reign++
	d.cfg.Owner()
	restored.finish()
	d.feed(session)
	d.dispatch()
	d.changed.Notify()
	return w, nil
}

// feed has a session that gets tasks from elsewhere put them into the queue; d.mu
// is held.
func (d *Dispatcher) feed(session gozmqstore.Session) {
	o := &d.owning
	f, ok := session.(gozmqstore.Feeder)
	if !ok {
		return
	}
	ctx, cancel := context.WithCancel(o.ctx)
	o.feeding = cancel
	reign := d.reign
	o.feeds.Go(func() {
		for ctx.Err() == nil {
			err := f.Feed(ctx, func(ctx context.Context, tasks []gozmqstore.Task) error { return d.takeFed(ctx, reign, tasks) })
			if err == nil || ctx.Err() != nil {
				return
			}
			d.cfg.StoreFailed(err)
			sleep(ctx, firstOwnPause)
		}
	})
}

// takeFed queues tasks that others have inserted into the store, each once there is
// room. When it returns an error, tasks that it has already queued may come again.
func (d *Dispatcher) takeFed(ctx context.Context, reign int, tasks []gozmqstore.Task) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range tasks {
		if err := checkStored(&tasks[i]); err != nil {
			d.cfg.StoreFailed(err)
			continue
		}
		t := restoredTask(&tasks[i], time.Now())
		err := d.waitOwner(ctx, func() bool { return d.reign != reign || !d.paused && !d.queue.Full(t) })
		switch {
		case err != nil:
			return err
		case d.reign != reign:
			return ErrNotOwner
		case tasks[i].State != gozmqstore.StateWaiting: // taken before, and over
		case d.duplicate(t):
			d.store.remove(string(t.ID))
		case !d.queue.Has(t.ID):
			d.queue.Add(t)
			d.dispatch()
		}
	}
	return nil
}

// endFeed ends the feed and waits for it. The caller does not hold d.mu.
func (d *Dispatcher) endFeed() {
	d.mu.Lock()
	if d.owning.feeding != nil {
		d.owning.feeding()
	}
	d.mu.Unlock()
	d.owning.feeds.Wait()
}

// reignUntilLost returns when the queue is lost, and everything of it forgotten, or
// when Close has released it.
func (d *Dispatcher) reignUntilLost(session gozmqstore.Session, w *storeWriter) {
	select {
	case <-session.Lost():
	case <-w.done:
		return
	}
	w.abandon()
	d.giveUpReign()
	d.endFeed()
	<-w.done
}

// giveUpReign forgets every task, because another dispatcher may have them, and
// drops the connections to the workers, so that they report their running tasks to
// the next owner.
func (d *Dispatcher) giveUpReign() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = d.counted()
	d.owner = false
	d.empty()
	d.letters.forget()
	d.workers = 0
	for c, p := range d.peers {
		delete(d.peers, c)
		delete(d.conns, p)
		c.Close(ErrQueueLost)
	}
	d.cfg.Standby(ErrQueueLost)
	d.changed.Notify()
}

// waitOwner is waitLocked for what only the owner can do; its error says so.
func (d *Dispatcher) waitOwner(ctx context.Context, ready func() bool) error {
	err := d.waitLocked(ctx, func() bool { return d.owner && ready() })
	if err != nil && !d.owner && !errors.Is(err, link.ErrClosed) {
		return fmt.Errorf("%w: %w", err, ErrNotOwner)
	}
	return err
}

// closeOwning ends the ownership of the queue, once the dispatcher's changes are
// durable or ctx has ended.
func (d *Dispatcher) closeOwning(ctx context.Context) error {
	if d.cfg.Store == nil {
		return nil
	}
	d.mu.Lock()
	w := d.store
	d.mu.Unlock()
	d.endFeed()
	err := w.close(ctx)
	d.owning.cancel()
	if err != nil {
		return err
	}
	return awaitStore(ctx, d.owning.done)
}
