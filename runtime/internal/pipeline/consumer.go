package pipeline

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A ConsumerConfig configures a Consumer.
type ConsumerConfig struct {
	Link link.Config
	// Concurrency is how many tasks run at once, Ahead how many of each ventilator
	// are read ahead, more while tasks are short if Grow is set.
	Concurrency, Ahead int
	Grow               bool
	// Stop is called when a ventilator ends the worker, maybe more than once,
	// with a lock held; it must not call the Consumer.
	Stop func()
	// Alive is called with a ventilator's ALIVE, with a lock held. The message is
	// valid during the call only. Alive must not call the Consumer. nil: there are
	// no sinks.
	Alive func(wire.Alive)
	// Canceled is the cause with which the context of a task ends that its
	// ventilator cancels; nil: context.Canceled.
	Canceled error
	// AnyStop makes the consumer obey STOP from ventilators that dialed us, too;
	// otherwise only from those that we dialed.
	AnyStop bool
}

// A Consumer takes tasks from ventilators. It is a DEALER that grants credit,
// extends the leases of running tasks and reports how tasks ended. Its methods
// may be called from any goroutine.
type Consumer struct {
	direct   *socket.PeerSocket
	lanes    int  // tasks that run at once
	ahead    int  // tasks of each ventilator that are read ahead
	grow     bool // more while tasks are short
	stop     func()
	alive    func(wire.Alive)
	anyone   bool  // may stop
	canceled error // ends the contexts of tasks that are canceled

	mu          sync.Mutex
	waiting     []*Delivery
	ledger      ledger
	spare       spareDeliveries
	ventilators map[*link.Conn]*ventilator
	results     doneResults        // of tasks that were done here, if their ventilators keep them
	begun       []*Delivery        // whose ventilators do not know that they run
	announcing  bool               // a goroutine reports the begun tasks
	report      *time.Timer        // calls reportHeldBack
	reporting   bool               // report is set
	started     bool               // grants credit
	draining    bool               // accepts no more tasks
	changed     notify.Broadcast   // something waits, or draining
	command     wire.WorkerCommand // that is being written
	redelivered uint64

	made   time.Time     // when moments begin
	wake   moment        // until when the extender sleeps
	sooner notify.Token  // wakes it
	ended  chan struct{} // closed by Shutdown
	wg     sync.WaitGroup
}

// minExtend is the shortest time between two extensions of a lease.
const minExtend = 10 * time.Millisecond

// NewConsumer returns a consumer without ventilators, which grants no credit
// before Start. Shutdown must be called.
func NewConsumer(cfg ConsumerConfig) *Consumer {
	c := &Consumer{
		lanes: cfg.Concurrency, ahead: cfg.Ahead, grow: cfg.Grow,
		stop: cfg.Stop, alive: cfg.Alive, anyone: cfg.AnyStop, canceled: cfg.Canceled,
		ledger: newLedger(), results: newDoneResults(), ventilators: make(map[*link.Conn]*ventilator),
		made: time.Now(), sooner: notify.NewToken(), ended: make(chan struct{}),
	}
	c.report = time.AfterFunc(time.Hour, c.reportHeldBack)
	cfg.Link.SocketType = zmtp.Dealer
	c.direct = socket.NewPeerSocket(cfg.Link, c, true)
	c.wg.Go(c.extendLeases)
	return c
}

// Links returns the connections to ventilators.
func (c *Consumer) Links() *link.Group { return c.direct.Links() }

// Start grants credit to the ventilators that are connected, and to each that
// will be.
func (c *Consumer) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started || c.draining {
		return
	}
	c.started = true
	for _, v := range c.ventilators {
		v.grant(c.lanes + v.ahead + v.handled)
	}
}

// Join grants credit to a ventilator, after it has claimed what runs here and
// came from an earlier connection to it, or may have passed on to it
// (socket.PeerHandler).
func (c *Consumer) Join(conn *link.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := &ventilator{conn: conn, ahead: c.ahead}
	c.ventilators[conn] = v
	c.claim(conn)
	if c.started && !c.draining {
		v.grant(c.lanes + v.ahead + v.handled)
	}
}

// Leave drops the tasks that wait, because the ventilator will give them to
// others. Tasks that run go on: if one is redelivered, its end is reported on
// the new connection (socket.PeerHandler).
func (c *Consumer) Leave(conn *link.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.ventilators[conn]
	delete(c.ventilators, conn)
	kept := c.waiting[:0]
	for _, d := range c.waiting {
		if d.to != v {
			kept = append(kept, d)
		} else {
			c.ledger.remove(d)
		}
	}
	clear(c.waiting[len(kept):])
	c.waiting = kept
	c.ledger.each(func(d *Delivery) {
		if d.to == v {
			d.to, d.lost = nil, conn
			c.claimElsewhere(d)
		}
	})
}

// Writable does nothing: all commands are sent at once (socket.PeerHandler).
func (c *Consumer) Writable(*link.Conn) {}

// Receive handles a ventilator's messages (socket.PeerHandler).
func (c *Consumer) Receive(conn *link.Conn, b *link.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, now := c.ventilators[conn], c.now()
	for i := range b.Len() {
		if err := c.handle(v, b.Message(i), now); err != nil {
			conn.Malformed("message of a ventilator: %w", err)
		}
	}
	c.changed.Notify()
}

// TooLarge rejects a task that is skipped. frames are the ones before the frame
// that is too large (socket.OversizedReceiver).
func (c *Consumer) TooLarge(conn *link.Conn, frames [][]byte, err *zmtp.SizeError) {
	id, procedure, ok := wire.OversizedTask(wire.VerbTask, frames)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	report(conn, wire.VerbReject, id, tooLargeTask(procedure, err))
}

// handle handles one message; c.mu is held.
func (c *Consumer) handle(v *ventilator, frames [][]byte, now moment) error {
	if wire.IsAlive(frames) {
		alive, err := wire.ParseAlive(frames)
		if err == nil && c.alive != nil {
			c.alive(alive)
		}
		return err
	}
	verb, task, err := wire.ParseVentilatorCommand(frames)
	if err != nil {
		return err
	}
	if verb == wire.VerbStop {
		if !c.anyone && !v.conn.Dialed() {
			return ErrMayNotStop
		}
		c.stop()
		return nil
	}
	if verb == wire.VerbCancel {
		c.cancel(v.conn, task.ID)
		return nil
	}
	return c.accept(v, task, now)
}

// accept queues a task, or answers it at once; c.mu is held.
func (c *Consumer) accept(v *ventilator, task wire.Task, now moment) error {
	switch d, done := c.ledger.find(task.ID); {
	case d != nil:
		c.redeliver(d, v)
		return nil
	case done:
		c.redelivered++
		c.command = wire.WorkerCommand{Verb: wire.VerbDone, ID: task.ID, Result: c.results.get(task.ID)}
		socket.SendForced(v.conn, &c.command)
		return nil
	case c.draining:
		report(v.conn, wire.VerbReturn, task.ID, nil)
		return nil
	case v.holds >= v.limit:
		report(v.conn, wire.VerbReturn, task.ID, nil)
		return fmt.Errorf("more tasks than the credit of %d", v.limit)
	}
	d := newDelivery(c, task)
	if d.Attempt > 1 {
		c.redelivered++
	}
	c.ledger.add(d)
	d.attach(v)
	d.setWait(now)
	c.waiting = append(c.waiting, d)
	return nil
}

// redeliver makes v the ventilator to which a task's end is reported: the
// connection that it came from was lost, whether or not that is known here yet.
// The ventilator is told that an earlier attempt still runs. c.mu is held.
func (c *Consumer) redeliver(d *Delivery, v *ventilator) {
	if d.to == v {
		return
	}
	d.detach()
	c.redelivered++
	d.attach(v)
	if d.running {
		d.extend()
	}
}

// Next waits for a task, begins it and reports that to its ventilator. It keeps
// extending the task's lease for limit, or without end if limit is 0. Next returns
// link.ErrClosed once the consumer drains and no task waits, and the context's
// error.
func (c *Consumer) Next(ctx context.Context, limit time.Duration) (*Delivery, error) {
	h := &handling{consumer: c}
	for {
		c.mu.Lock()
		if len(c.waiting) > 0 {
			d := c.waiting[0]
			c.waiting[0] = nil
			c.waiting = c.waiting[1:]
			d.begin(h, limit)
			c.mu.Unlock()
			return d, nil
		}
		changed, draining, conns := c.changed.Changed(), c.draining, c.heldBack()
		c.mu.Unlock()
		uncork(conns)
		if draining {
			return nil, link.ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Drain refuses further tasks, and sends RETURN for those that have not begun.
func (c *Consumer) Drain() { uncork(c.drain()) }

// drain is Drain, but returns connections that are corked.
func (c *Consumer) drain() []*link.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return nil
	}
	c.draining = true
	if c.started {
		for _, v := range c.ventilators {
			v.grant(0)
		}
	}
	for _, d := range c.waiting {
		d.release(wire.WorkerCommand{Verb: wire.VerbReturn})
	}
	c.waiting = nil
	c.changed.Notify()
	return append(c.appendBegun(), c.heldBack()...)
}

// Draining reports whether Drain was called.
func (c *Consumer) Draining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// Progress returns how many tasks wait, run and were redelivered. Done and
// Failed are for the caller to count.
func (c *Consumer) Progress() Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Progress{Queued: len(c.waiting), InFlight: c.ledger.held.Len() - len(c.waiting), Redelivered: c.redelivered}
}

// Shutdown drains the consumer, waits until tasks that were on their way have
// been returned and all commands have reached the kernel, or ctx has ended, and
// closes the connections. It may be called more than once.
func (c *Consumer) Shutdown(ctx context.Context) error {
	c.Drain()
	c.direct.Fence(ctx)
	err := c.direct.Shutdown(ctx)
	c.report.Stop()
	c.mu.Lock()
	select {
	case <-c.ended:
	default:
		close(c.ended)
	}
	c.mu.Unlock()
	c.wg.Wait()
	return err
}
