package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A DispatcherConfig configures a Dispatcher.
type DispatcherConfig struct {
	Link               link.Config
	MaxTasks, MaxBytes int // of tasks that are not finished
	// A task whose handler failed waits for Backoff, which doubles with each
	// attempt up to MaxBackoff.
	Backoff, MaxBackoff time.Duration
	MaxHold             time.Duration                    // how long a worker may hold a task, even if it extends the lease; 0: without limit
	BatchLease          time.Duration                    // of messages that say how far a batch is
	BatchSilence        time.Duration                    // for which a sink waits for news of a batch; 0: without limit
	Store               gozmqstore.Store                 // nil: memory only
	Limits              map[string]taskqueue.MethodLimit // by procedure; they take precedence over those of Policies
	Policies            map[string]Policy                // by procedure

	// DeadLetter is called with each task that was given up, one at a time, if
	// WantsLetter returns true for its procedure. If it returns an error it is
	// called again, after a pause that grows as Backoff. The task stays in the
	// store until it returns nil. Its context ends when Close stops waiting.
	// Unwanted letters are kept if there is a store, and otherwise forgotten.
	// Neither function may be nil.
	DeadLetter  func(context.Context, DeadTask) error
	WantsLetter func(procedure string) bool

	// Events, which are reported with a lock held: the functions must neither
	// block nor call the Dispatcher. None may be nil.
	LeaseExpired func(worker *link.Conn, procedure string)
	TaskDead     func(DeadTask)
	StoreFailed  func(error)
	// LetterDiscarded says that a dead letter that no function wants was not kept.
	LetterDiscarded func(procedure string, err error)
	Owner           func()      // owns the queue of the store
	Standby         func(error) // does not, because another dispatcher does; or has lost it: then with an error
}

// A Task is a task that is pushed. The Dispatcher keeps its body.
type Task struct {
	Procedure   string
	Body        []byte
	Metadata    wire.Metadata // nil: none
	MaxAttempts int
	Lease       time.Duration
	Terms       *taskqueue.Terms // nil: none

	memory *taskqueue.Task // that becomes the task in the queue; nil: a new one
}

// A Dispatcher queues tasks and hands each to one worker at a time, until it is
// done or given up. It is a ROUTER. Its methods may be called from any
// goroutine; mu is locked before any connection's lock.
type Dispatcher struct {
	cfg     DispatcherConfig
	direct  *socket.PeerSocket
	letters *deadLetters
	owning  ownership // of the store's queue

	ventilator []byte // names the dispatcher to sinks

	mu         sync.Mutex
	owner      bool         // owns the queue; always true without a store
	reign      int          // how often it came to have it
	before     Progress     // the counts of earlier reigns
	store      *storeWriter // nil: memory only, or not the owner yet
	queue      *taskqueue.Queue
	peers      map[*link.Conn]*taskqueue.Peer
	conns      map[*taskqueue.Peer]*link.Conn
	workers    int                         // peers that have granted credit and were not stopped
	notices    map[taskqueue.ID]*Batch     // by the id of the message that says how far they are
	open       map[*taskqueue.Batch]*Batch // that are not complete
	live       map[*Batch]bool             // batches for which a sink may wait
	dead       map[string]*deadEntry       // letters that are neither handled nor discarded, by id
	letter     uint64                      // the place of the last of them
	halted     map[string]string           // halted procedures, with their records in the store
	policies   map[string]Policy           // by procedure
	done       retained                    // tasks that were done, and are kept for a time
	kept       letterShelf                 // those of them that no function wants
	claims     map[*taskqueue.Peer][]claim // of workers, while another dispatcher is the owner
	claimCount int
	canceled   *taskqueue.Window // the tasks that were canceled last, in all reigns
	over       [][]byte          // ids of the last batches that are over
	alive      *time.Timer       // until sayAlive; nil: never
	paused     bool              // hands out no tasks
	closed     bool              // Push fails
	waiters    int
	changed    notify.Broadcast
	clock      *time.Timer
	armed      time.Time        // when clock fires; zero: never
	attempt    wire.TaskAttempt // that is being sent, here so that it costs no allocation
	random     randomness       // for the ids of tasks
	spare      spareTasks
}

// NewDispatcher returns a dispatcher without workers. It loads the tasks of its
// store, unless another dispatcher owns the queue: then it stands by until it owns
// it. Its errors are the store's. Close must be called.
func NewDispatcher(cfg DispatcherConfig) (*Dispatcher, error) {
	d := &Dispatcher{
		cfg:      cfg,
		peers:    make(map[*link.Conn]*taskqueue.Peer),
		conns:    make(map[*taskqueue.Peer]*link.Conn),
		policies: maps.Clone(cfg.Policies), canceled: taskqueue.NewWindow(maxCanceled, 0),

		ventilator: []byte(newID()),
	}
	d.empty()
	d.clock = time.AfterFunc(time.Hour, d.tick)
	d.letters = newDeadLetters(letterConfig{
		call: cfg.DeadLetter, first: cfg.Backoff, limit: cfg.MaxBackoff, stored: cfg.Store != nil,
	}, d.letterHandled)
	cfg.Link.SocketType = zmtp.Router
	d.direct = socket.NewPeerSocket(cfg.Link, d, false)
	if err := d.startOwning(); err != nil {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		return nil, errors.Join(err, d.Close(ended))
	}
	return d, nil
}

// empty forgets every task; d.mu is held, or d is not shared yet.
func (d *Dispatcher) empty() {
	d.queue = taskqueue.NewQueue(taskqueue.Limits{
		Tasks: d.cfg.MaxTasks, Bytes: d.cfg.MaxBytes, Backoff: taskqueue.Backoff{First: d.cfg.Backoff, Limit: d.cfg.MaxBackoff}, MaxHold: d.cfg.MaxHold,
	})
	for procedure, limit := range d.cfg.Limits {
		d.queue.LimitMethod(procedure, limit)
	}
	for procedure, p := range d.policies {
		d.apply(procedure, p)
	}
	d.halted = make(map[string]string)
	d.notices = make(map[taskqueue.ID]*Batch)
	d.open = make(map[*taskqueue.Batch]*Batch)
	d.live = make(map[*Batch]bool)
	d.dead = make(map[string]*deadEntry)
	d.kept = letterShelf{}
	d.done = retained{}
	d.forgetClaims()
}

// Links returns the connections to workers.
func (d *Dispatcher) Links() *link.Group { return d.direct.Links() }

// Push returns the id of a task once it is in the queue and, if there is one, in
// the store. While these are full, or another dispatcher owns the store, it waits.
// The task belongs to b unless b is nil. Its errors are ErrBatchEnded, ErrNotOwner,
// a *LimitError if no worker that is connected takes its size, a *DuplicateError,
// ErrTooManyKeys, a *StoreError, link.ErrClosed and the context's.
func (d *Dispatcher) Push(ctx context.Context, b *Batch, task Task) (taskqueue.ID, error) {
	header := metadataHeader(task.Metadata)
	d.mu.Lock()
	defer d.mu.Unlock()
	t := task.queued(header)
	if err := d.waitOwner(ctx, func() bool { return true }); err != nil {
		return "", err
	}
	if err := d.queue.Fits(t); err != nil {
		return "", err
	}
	if err := d.checkKey(t); err != nil {
		return "", err
	}
	if err := d.joinBatch(b, t); err != nil {
		return "", err
	}
	err := d.waitOwner(ctx, func() bool { return !d.closed && !d.queue.Full(t) && d.letters.len() < d.cfg.MaxTasks })
	reign := d.reign
	if err == nil {
		err = b.check()
	}
	if err == nil {
		err = d.checkKey(t)
	}
	if err == nil {
		err = d.storeLocked(ctx, t)
	}
	if err != nil {
		d.leaveBatch(t)
		return "", err
	}
	if d.reign != reign || !d.owner {
		return t.ID, nil // it is stored, and the owner will hand it out
	}
	d.queue.Add(t)
	if d.store == nil {
		d.dispatchAt(t.Since)
	} else {
		d.dispatch()
	}
	return t.ID, nil
}

// storeLocked gives a task its id and stores it. It is called with d.mu held, which
// it releases while the store is busy; the task's place in the queue stays
// reserved.
func (d *Dispatcher) storeLocked(ctx context.Context, t *taskqueue.Task) error {
	t.ID, t.Since = d.queue.NewID(d.random.next()), time.Now()
	if d.store == nil {
		return nil
	}
	stored, queue, store := d.stored(t), d.queue, d.store
	queue.Reserve(t)
	claimKey(queue, t)
	d.mu.Unlock()
	err := store.put(ctx, stored, "")
	d.mu.Lock()
	queue.Unreserve(t)
	if err != nil {
		freeKey(queue, t)
		queue.DropID(t.ID)
		d.changed.Notify()
		return storeFailure(ctx, err)
	}
	return nil
}

// metadataHeader returns the header of a task with that metadata, nil for none.
func metadataHeader(m wire.Metadata) []byte {
	if len(m) == 0 {
		return nil
	}
	return wire.AppendTaskHeader(nil, wire.TaskHeader{Metadata: m})
}

// waitLocked waits until ready. It is called with d.mu held, and releases it
// while it waits. It returns link.ErrClosed or the context's error if one of
// these comes first.
func (d *Dispatcher) waitLocked(ctx context.Context, ready func() bool) error {
	for {
		switch {
		case ready():
			return nil
		case d.closed:
			return link.ErrClosed
		}
		changed := d.changed.Changed()
		d.waiters++
		d.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		d.mu.Lock()
		d.waiters--
		if err != nil {
			return err
		}
	}
}

// dispatch hands out what can be handed out; d.mu is held.
func (d *Dispatcher) dispatch() { d.dispatchAt(time.Now()) }

// dispatchAt is dispatch, with the time, which was read since d.mu was locked.
func (d *Dispatcher) dispatchAt(now time.Time) {
	if d.paused || !d.owner || d.store.overtaken() {
		return
	}
	for t, p := d.queue.Next(now); t != nil; t, p = d.queue.Next(now) {
		d.attempt = d.attemptOf(t)
		err := socket.SendTo(d.conns[p], &d.attempt)
		if err != nil && errors.As(err, new(*link.LimitError)) {
			d.failTooLarge(p, t, err, now)
			continue
		}
		if err != nil {
			d.queue.Undo(t, p)
			d.queue.Block(p, true) // until Room or Leave
			continue
		}
		if !t.Control && t.Attempts > 1 {
			d.store.update(taskStatus{id: string(t.ID), Status: d.statusOf(t)})
		}
	}
	for _, t := range d.queue.Refused() {
		d.giveUpTooLarge(t)
	}
	d.setClock(now)
}

// failTooLarge gives up a task that its worker's connection has refused as too
// large, although the worker announced a sufficient limit; d.mu is held.
func (d *Dispatcher) failTooLarge(p *taskqueue.Peer, t *taskqueue.Task, reason error, now time.Time) {
	if dead, _ := d.queue.Fail(p, t.ID, reason, false, now); dead != nil {
		d.giveUpTooLarge(dead)
	}
}

// giveUpTooLarge is giveUp for a task that no worker takes. A message about a batch
// counts as delivered, so that nobody waits for it; d.mu is held.
func (d *Dispatcher) giveUpTooLarge(t *taskqueue.Task) {
	if t.Control {
		d.noticeDelivered(t)
	} else {
		d.giveUp(t)
	}
	d.changed.Notify()
}

// taskDone records that p has done a task. result is the result to keep, nil for
// none; the caller owns its memory. d.mu is held.
func (d *Dispatcher) taskDone(p *taskqueue.Peer, t *taskqueue.Task, result []byte) {
	switch {
	case t.Control:
		d.noticeDelivered(t)
	case retains(t):
		d.store.finish(d.retain(p, t, result))
		d.checkBatch(t.Batch)
	case d.store == nil:
		d.checkBatch(t.Batch)
		d.spare.give(t)
	default:
		d.store.finish(ending(string(t.ID), t.Terms, t.Attempts))
		d.checkBatch(t.Batch)
	}
	d.changed.Notify()
}

// WaitWorkers waits until n workers have granted credit.
func (d *Dispatcher) WaitWorkers(ctx context.Context, n int) error {
	defer d.Links().Want()()
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.waitLocked(ctx, func() bool { return d.workers >= n })
	if err != nil && !errors.Is(err, link.ErrClosed) {
		return fmt.Errorf("%w: %d of %d workers are connected%s", err, d.workers, n, socket.DialState(d.direct.Links()))
	}
	return err
}

// Wait waits until every task has been done or given up and every dead letter
// has been handled.
func (d *Dispatcher) Wait(ctx context.Context) error {
	defer d.Links().Want()()
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.waitOwner(ctx, d.idle)
	if err == nil || errors.Is(err, link.ErrClosed) {
		return err
	}
	why := ""
	if d.workers == 0 {
		why = socket.DialState(d.direct.Links())
	}
	return fmt.Errorf("%w: tasks not done: %d, workers connected: %d%s", err, d.queue.Len(), d.workers, why)
}

func (d *Dispatcher) idle() bool { return d.queue.Len() == 0 && d.letters.len() == 0 }

// Progress returns how far the tasks are.
func (d *Dispatcher) Progress() Progress {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.counted()
	c := d.queue.Counts()
	p.Queued, p.InFlight, p.Standby = c.Queued, c.InFlight, !d.owner
	return p
}

// counted returns how many tasks were finished, in all reigns; d.mu is held.
func (d *Dispatcher) counted() Progress {
	c := d.queue.Counts()
	return Progress{
		Done: d.before.Done + c.Done, Failed: d.before.Failed + c.Dead, Redelivered: d.before.Redelivered + c.Redelivered,
	}
}
