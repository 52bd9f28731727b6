package gozmq

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A dispatcher is the taskSender of a ventilator that delivers at least once: a
// ROUTER with a queue.
type dispatcher struct {
	observer *observer
	direct   *socket.Direct
	store    *storeWriter
	letters  *deadLetters
	bodies   bodies
	durable  bool
	maxTasks int
	prefix   [8]byte // of the ids that this process gives out

	mu      sync.Mutex
	queue   *taskqueue.Queue
	peers   map[*link.Conn]*taskqueue.Peer
	conns   map[*taskqueue.Peer]*link.Conn
	workers int // peers that have granted credit
	last    uint64
	batches map[taskqueue.ID]*Batch // by their message of control
	open    map[*taskqueue.Batch]*Batch
	paused  bool // hands out no more
	closed  bool // Push fails
	waiters int
	change  chan struct{} // closed and replaced while there are waiters
	clock   *time.Timer
	armed   time.Time // when clock fires; zero: never
}

func newDispatcher(cfg *ventilatorConfig, o *observer) (*dispatcher, error) {
	d := &dispatcher{
		observer: o, bodies: cfg.bodies(), durable: cfg.store != nil, maxTasks: cfg.queue.Tasks,
		queue:   taskqueue.NewQueue(cfg.queue),
		peers:   make(map[*link.Conn]*taskqueue.Peer),
		conns:   make(map[*taskqueue.Peer]*link.Conn),
		batches: make(map[taskqueue.ID]*Batch),
		open:    make(map[*taskqueue.Batch]*Batch),
		change:  make(chan struct{}),
	}
	_, _ = rand.Read(d.prefix[:]) // never fails
	if cfg.store != nil {
		if err := cfg.store.Load(d.restore); err != nil {
			return nil, fmt.Errorf("load the stored tasks: %w", err)
		}
	}
	d.clock = time.AfterFunc(time.Hour, d.tick)
	d.store = newStoreWriter(cfg.store, d.storeFailed)
	d.letters = newDeadLetters(cfg.deadLetters, d.buried)
	cfg.Observe = o.link(zmtp.Router)
	cfg.SocketType = zmtp.Router
	d.direct = socket.NewDirect(cfg.Config, d, false)
	return d, nil
}

// restore puts a stored task into the queue, however many there are.
func (d *dispatcher) restore(s StoredTask) error {
	if s.ID == "" || len(s.ID) > maxTaskID || d.queue.Has(taskqueue.ID(s.ID)) {
		return fmt.Errorf("a task has the id %q, which is empty, too long or taken", s.ID)
	}
	if s.Method == "" {
		return fmt.Errorf("task %q has no method", s.ID)
	}
	h := parseTaskHeader(s.Header)
	t := &taskqueue.Task{
		ID: taskqueue.ID(s.ID), Method: s.Method, Body: s.Body, Header: s.Header, Attempts: s.Attempts,
		MaxAttempts: int(h.GetAttempt()), Lease: microseconds(h.GetLeaseUs()),
	}
	d.queue.Add(t)
	return nil
}

func (d *dispatcher) links() *link.Group { return d.direct.Links() }

// push puts a task into the store and the queue. While there is no room it
// waits.
func (d *dispatcher) push(ctx context.Context, m *Method, body proto.Message) error {
	if err := m.checkDelivery(AtLeastOnce); err != nil {
		return err
	}
	encoded, err := d.bodies.encode(body)
	if err != nil {
		return err
	}
	t := &taskqueue.Task{Method: m.Procedure, Body: encoded, MaxAttempts: m.attempts(), Lease: m.lease()}
	if err := d.join(ctx, t); err != nil {
		return err
	}
	if err := d.enqueue(ctx, t); err != nil {
		return pushError(err, m.Procedure)
	}
	return nil
}

// enqueue waits for room, gives t its id and adds it.
func (d *dispatcher) enqueue(ctx context.Context, t *taskqueue.Task) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.waitLocked(ctx, func() bool { return !d.closed && !d.queue.Full(t) && d.letters.len() < d.maxTasks })
	if err != nil {
		d.leaveBatch(t)
		return err
	}
	t.ID = d.newID()
	if d.durable {
		stored := StoredTask{ID: string(t.ID), Method: t.Method, Body: t.Body, Header: storedHeader(t)}
		d.mu.Unlock()
		err := d.store.put(stored)
		d.mu.Lock()
		if err != nil {
			d.leaveBatch(t)
			return Errorf(CodeUnavailable, "the store did not take the task: %w", err)
		}
	}
	d.queue.Add(t)
	d.dispatch()
	return nil
}

// storedHeader is a task's header with its limits, which the store has no other
// place for.
func storedHeader(t *taskqueue.Task) []byte {
	limits, _ := proto.Marshal(&gozmqv1.TaskHeader{Attempt: uint32(t.MaxAttempts), LeaseUs: uint64(t.Lease.Microseconds())})
	return append(t.Header[:len(t.Header):len(t.Header)], limits...)
}

// newID returns an id that no other task has: d.mu is held.
func (d *dispatcher) newID() taskqueue.ID {
	d.last++
	return taskqueue.ID(binary.BigEndian.AppendUint64(d.prefix[:], d.last))
}

// waitLocked waits until ready, with d.mu held whenever it is called and in the
// end. Its errors, while it is not, are link.ErrClosed and the context's.
func (d *dispatcher) waitLocked(ctx context.Context, ready func() bool) error {
	for {
		switch {
		case ready():
			return nil
		case d.closed:
			return link.ErrClosed
		}
		change := d.change
		d.waiters++
		d.mu.Unlock()
		var err error
		select {
		case <-change:
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

// changed tells those who wait to look again; d.mu is held.
func (d *dispatcher) changed() {
	if d.waiters > 0 {
		close(d.change)
		d.change = make(chan struct{})
	}
}

// dispatch hands out what can be handed out; d.mu is held.
func (d *dispatcher) dispatch() {
	if d.paused {
		return
	}
	now := time.Now()
	for t, p := d.queue.Next(now); t != nil; t, p = d.queue.Next(now) {
		if err := socket.SendTo(d.conns[p], taskFrame{t}); err != nil {
			d.queue.Undo(t, p)
			d.queue.Block(p, true) // until Room or Leave
			continue
		}
		if d.durable && !t.Control && t.Attempts > 1 {
			d.store.attempts(string(t.ID), t.Attempts)
		}
	}
	d.setClock(now)
}

// A taskFrame is a TASK, as a socket.Message.
type taskFrame struct{ *taskqueue.Task }

// AppendMessage appends the frames. The part of the header that changes goes
// behind the one that does not: so protobuf merges them.
func (t taskFrame) AppendMessage(b []byte) ([]byte, error) {
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, wordTask)
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, string(t.ID))
	b = zmtp.AppendFrameString(b, zmtp.FlagMore, t.Method)
	b = zmtp.AppendFrame(b, zmtp.FlagMore, t.Body)
	own := gozmqv1.TaskHeader{Attempt: uint32(t.Attempts), LeaseUs: uint64(t.Lease.Microseconds())}
	size := proto.Size(&own)
	b = zmtp.AppendHeader(b, 0, len(t.Header)+size)
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(append(b, t.Header...), &own)
}

// setClock sees to it that tick comes when the next lease or pause ends; d.mu
// is held.
func (d *dispatcher) setClock(now time.Time) {
	when, ok := d.queue.Wake()
	if !ok || !d.armed.IsZero() && !d.armed.After(when) {
		return
	}
	d.armed = when
	d.clock.Reset(max(when.Sub(now), time.Millisecond))
}

// tick ends leases and pauses.
func (d *dispatcher) tick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.paused {
		return
	}
	d.armed = time.Time{}
	for _, e := range d.queue.Expire(time.Now()) {
		if c := d.conns[e.Peer]; c != nil {
			d.observer.observe(Event{
				Kind: EventLeaseExpired, SocketType: string(zmtp.Router), Endpoint: c.Endpoint(), Peer: c.Address(),
				Procedure: e.Task.Method, Err: taskqueue.ErrExpired,
			})
		}
		if e.Dead {
			d.bury(e.Task)
		}
	}
	d.dispatch()
	d.setClock(time.Now())
}

// finished notes the end of a task that was done; d.mu is held.
func (d *dispatcher) finished(t *taskqueue.Task) {
	if t.Control {
		d.told(t)
	} else {
		d.store.remove(string(t.ID))
		d.settleBatch(t.Batch)
	}
	d.changed()
}

// bury makes a task that was given up a dead letter; d.mu is held.
func (d *dispatcher) bury(t *taskqueue.Task) {
	reason := asError(t.Reason)
	if errors.Is(t.Reason, taskqueue.ErrLost) || errors.Is(t.Reason, taskqueue.ErrExpired) {
		reason = Errorf(CodeUnavailable, "%w", t.Reason)
	}
	d.observer.observe(Event{Kind: EventTaskDead, SocketType: string(zmtp.Router), Procedure: t.Method, Count: t.Attempts, Err: reason})
	letter := DeadLetter{ID: string(t.ID), Procedure: t.Method, Attempts: t.Attempts, Reason: reason, body: t.Body, bodies: &d.bodies}
	letter.Batch = parseTaskHeader(t.Header).GetBatch().GetName()
	d.letters.add(letter)
	d.settleBatch(t.Batch)
}

// buried is called when the user has dealt with a dead letter.
func (d *dispatcher) buried(id string) {
	d.store.remove(id)
	d.mu.Lock()
	d.changed()
	d.mu.Unlock()
}

func (d *dispatcher) storeFailed(err error) {
	d.observer.observe(Event{Kind: EventStoreFailed, SocketType: string(zmtp.Router), Err: err})
}

// waitWorkers waits until n workers have granted credit.
func (d *dispatcher) waitWorkers(ctx context.Context, n int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.waitLocked(ctx, func() bool { return d.workers >= n })
	if err != nil && !errors.Is(err, link.ErrClosed) {
		return fmt.Errorf("%w: %d of %d workers are connected%s", err, d.workers, n, socket.Dialling(d.direct.Links()))
	}
	return err
}

// wait waits until nothing is left to do.
func (d *dispatcher) wait(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.waitLocked(ctx, d.idle)
	if err == nil || errors.Is(err, link.ErrClosed) {
		return err
	}
	why := ""
	if d.workers == 0 {
		why = socket.Dialling(d.direct.Links())
	}
	return fmt.Errorf("%w: tasks not done: %d, workers connected: %d%s", err, d.queue.Len(), d.workers, why)
}

func (d *dispatcher) idle() bool { return d.queue.Len() == 0 && d.letters.len() == 0 }

func (d *dispatcher) progress() Progress {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.queue.Counts()
	return Progress{Queued: c.Queued, InFlight: c.InFlight, Done: c.Done, Failed: c.Dead, Redelivered: c.Redelivered}
}

// stopWorkers tells every worker to end.
func (d *dispatcher) stopWorkers(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return link.ErrClosed
	}
	for c := range d.peers {
		socket.SendAnyway(c, []byte(wordStop))
	}
	return nil
}

// close ends the dispatcher. Without a store it waits until everything is done,
// with one until workers have nothing of it, each until ctx ends.
func (d *dispatcher) close(ctx context.Context) error {
	d.mu.Lock()
	d.paused = d.durable
	_ = d.waitLocked(ctx, func() bool {
		if d.durable {
			return d.queue.Counts().InFlight == 0
		}
		return d.idle()
	})
	again := d.closed
	d.closed, d.paused = true, true
	d.changed()
	d.mu.Unlock()
	err := d.direct.Shutdown(ctx)
	if again {
		return err
	}
	d.clock.Stop()
	d.letters.close()
	d.store.close()
	return errors.Join(err, d.left())
}

// left tells what close has waited for in vain.
func (d *dispatcher) left() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.durable {
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
