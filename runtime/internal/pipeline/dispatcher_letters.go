package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A deadEntry is a dead letter that is kept until it is handled, discarded or
// pushed again.
type deadEntry struct {
	DeadTask
	place  uint64 // the order in which they came
	wanted bool   // a function gets it
}

// A letterShelf is the dead letters that no function wants, oldest first.
type letterShelf struct {
	ids   []string // some are gone
	count int
	bytes int
}

// The limits of the dead letters that a dispatcher keeps because no function wants
// them. Beyond them it discards the oldest.
const (
	MaxKeptLetters     = 10_000
	MaxKeptLetterBytes = 64 << 20
)

var (
	// ErrNoTask says that there is no dead letter, or no task, with an id.
	ErrNoTask = errors.New("there is no such task or dead letter: it may be over")
	// ErrLetterBusy says that the user's function has a dead letter.
	ErrLetterBusy = errors.New("the dead letter handler has this letter just now")
	// ErrTaskRuns says that a worker has a task.
	ErrTaskRuns = errors.New("a worker has this task")
	// ErrTaskWaits says that a task waits for a worker, and not for a time.
	ErrTaskWaits = errors.New("this task waits for a worker")
	// ErrDiscarded is why a task was given up that Discard has removed.
	ErrDiscarded = errors.New("the task was discarded")
	// ErrCanceled is why a task was given up that Cancel has removed.
	ErrCanceled = errors.New("the task was canceled")
)

// errShelfFull is why a letter was discarded.
var errShelfFull = fmt.Errorf("a dead letter was discarded: no function wants it, and more than %d, or %d MiB of them, are kept", MaxKeptLetters, MaxKeptLetterBytes>>20)

// giveUp makes a task a dead letter; d.mu is held.
func (d *Dispatcher) giveUp(t *taskqueue.Task) {
	h := wire.ParseTaskHeader(t.Header)
	dead := DeadTask{
		ID: string(t.ID), Procedure: t.Procedure, Attempts: t.Attempts, Reason: t.Reason, Batch: h.BatchName(), Body: t.Body,
		Metadata: h.Metadata, MaxAttempts: t.MaxAttempts, Lease: t.Lease, Terms: t.Terms, Enqueued: t.Since, Ended: time.Now(),
	}
	d.cfg.TaskDead(dead)
	if d.store != nil {
		status := d.statusOf(t)
		status.State, status.Ended = gozmqstore.StateDead, dead.Ended
		d.storeEnded(t, taskStatus{id: dead.ID, Status: status})
	}
	d.addLetter(dead, d.store != nil)
	if d.store != nil {
		d.store.then(func() { d.letters.release(dead.ID) })
	}
	d.checkBatch(t.Batch)
}

// storeEnded stores that a task was given up, and that its batch knows, in one
// change; d.mu is held.
func (d *Dispatcher) storeEnded(t *taskqueue.Task, status taskStatus) {
	if b := d.open[t.Batch]; b != nil {
		b.save(status)
	} else {
		d.store.update(status)
	}
}

// forget stores that a task without a kept letter was given up, and counts it in
// its batch; d.mu is held.
func (d *Dispatcher) forget(t *taskqueue.Task) {
	if d.store != nil {
		d.storeEnded(t, ending(string(t.ID), t.Terms, t.Attempts))
	}
	d.checkBatch(t.Batch)
}

// restoredLetter returns a dead letter of a store.
func restoredLetter(s *gozmqstore.Task) DeadTask {
	h := wire.ParseTaskHeader(s.Header)
	t := restoredTask(s, time.Now())
	return DeadTask{
		ID: s.ID, Procedure: s.Procedure, Attempts: s.Attempts, Reason: &StoredReason{s.Code, s.Reason}, Batch: h.BatchName(),
		Body: s.Body, Metadata: h.Metadata, MaxAttempts: s.MaxAttempts, Lease: s.Lease, Terms: t.Terms, Enqueued: s.Enqueued,
		Ended: s.Ended,
	}
}

// addLetter queues a dead letter for the user's function, or keeps it. A held
// letter is handled once it is released. d.mu is held.
func (d *Dispatcher) addLetter(dead DeadTask, held bool) {
	d.letter++
	e := &deadEntry{DeadTask: dead, place: d.letter, wanted: d.cfg.WantsLetter(dead.Procedure)}
	if !e.wanted && d.store == nil {
		return
	}
	d.dead[dead.ID] = e
	if e.wanted {
		d.letters.add(dead, held)
		return
	}
	d.kept.ids = append(d.kept.ids, dead.ID)
	d.kept.count++
	d.kept.bytes += e.size()
	for d.kept.count > 1 && (d.kept.count > MaxKeptLetters || d.kept.bytes > MaxKeptLetterBytes) {
		d.discardOldest()
	}
}

func (e *deadEntry) size() int { return len(e.Body) + len(e.Procedure) + len(e.ID) }

// discardOldest discards the oldest letter that no function wants; d.mu is held.
func (d *Dispatcher) discardOldest() {
	id := d.kept.ids[0]
	d.kept.ids = d.kept.ids[1:]
	if e := d.dead[id]; e != nil && !e.wanted {
		d.dropLetter(e)
		d.store.remove(id)
		d.cfg.LetterDiscarded(e.Procedure, errShelfFull)
	}
}

// dropLetter forgets a letter; d.mu is held.
func (d *Dispatcher) dropLetter(e *deadEntry) {
	delete(d.dead, e.ID)
	if e.wanted {
		return
	}
	d.kept.count--
	d.kept.bytes -= e.size()
	if len(d.kept.ids) > 2*d.kept.count+minTrim {
		d.kept.ids = slices.DeleteFunc(d.kept.ids, func(id string) bool { return d.dead[id] == nil })
	}
}

// minTrim is how many letters that are gone a shelf may name.
const minTrim = 64

// letterHandled is called when DeadLetter has taken a letter.
func (d *Dispatcher) letterHandled(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.dead[id]; e != nil {
		d.dropLetter(e)
		d.store.update(ending(id, e.Terms, e.Attempts))
	}
	d.changed.Notify()
}

// DeadLetters returns up to limit dead letters that are neither handled nor
// discarded, oldest first, that follow the place after (0: from the beginning), and
// the place for the next call.
func (d *Dispatcher) DeadLetters(after uint64, limit int) (letters []DeadTask, next uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*deadEntry
	for _, e := range d.dead {
		if e.place > after {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *deadEntry) int { return cmp.Compare(a.place, b.place) })
	for _, e := range list[:min(limit, len(list))] {
		letters, next = append(letters, e.DeadTask), e.place
	}
	return letters, next
}

// takeLetter takes a letter away from the user's function; d.mu is held.
func (d *Dispatcher) takeLetter(id string) (*deadEntry, error) {
	e := d.dead[id]
	switch {
	case e == nil:
		return nil, ErrNoTask
	case e.wanted && !d.letters.take(id):
		return nil, ErrLetterBusy
	}
	return e, nil
}

// Redrive pushes the task of a dead letter again, as a new one that belongs to no
// batch and has all its attempts before it. The letter is removed once the task is
// stored. It does not wait for room in the queue. A task that waits for its time is
// handed out as soon as a worker is free. Its errors are ErrNoTask, ErrLetterBusy,
// ErrTaskRuns, ErrTaskWaits and those of Push.
func (d *Dispatcher) Redrive(ctx context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.waitOwner(ctx, func() bool { return true }); err != nil {
		return err
	}
	if t := d.queue.Get(taskqueue.ID(id)); t != nil && !t.Control {
		return d.hurry(t)
	}
	e, err := d.takeLetter(id)
	if err != nil {
		return err
	}
	d.dropLetter(e)
	t := &taskqueue.Task{
		ID: newID(), Procedure: e.Procedure, Body: e.Body, Header: metadataHeader(e.Metadata),
		MaxAttempts: e.MaxAttempts, Lease: e.Lease, Since: time.Now(), Terms: e.Terms.Again(),
	}
	reign, store := d.reign, d.store
	if store != nil {
		stored := d.stored(t)
		d.mu.Unlock()
		err = store.put(ctx, stored, id)
		d.mu.Lock()
	}
	switch {
	case d.reign != reign || !d.owner:
	case err != nil:
		d.keepAnew(e.DeadTask)
	default:
		d.queue.Add(t)
		d.dispatch()
	}
	d.changed.Notify()
	if err != nil {
		return storeFailure(ctx, err)
	}
	return nil
}

// hurry has a task that waits for its time wait for a worker, also in the store;
// d.mu is held.
func (d *Dispatcher) hurry(t *taskqueue.Task) error {
	switch holder, _ := t.Holder(); {
	case holder != nil:
		return ErrTaskRuns
	case d.queue.Hurry(t.ID) == nil:
		return ErrTaskWaits
	}
	d.store.update(taskStatus{id: string(t.ID), Status: d.statusOf(t)})
	d.dispatch()
	return nil
}

// keepAnew keeps a letter whose task the store did not accept, under another id: if
// the store takes it yet, it deletes the letter with the id that it had. d.mu is
// held.
func (d *Dispatcher) keepAnew(dead DeadTask) {
	before := dead.ID
	dead.ID = string(newID())
	t := &taskqueue.Task{
		ID: taskqueue.ID(dead.ID), Procedure: dead.Procedure, Body: dead.Body, Header: metadataHeader(dead.Metadata), Attempts: dead.Attempts,
		MaxAttempts: dead.MaxAttempts, Lease: dead.Lease, Since: dead.Enqueued, Terms: dead.Terms, Reason: dead.Reason,
	}
	s := d.stored(t)
	s.State, s.Ended = gozmqstore.StateDead, dead.Ended
	d.store.replace(s, []string{before}, nil)
	d.addLetter(dead, false)
}

// Discard forgets a dead letter, a waiting task, or a retained task that was done,
// and returns once the store has recorded it. The batch of a waiting task counts it
// as given up, because of ErrDiscarded. Its errors are ErrNoTask, ErrLetterBusy,
// ErrTaskRuns, ErrNotOwner, link.ErrClosed, and ctx's; after ctx's the letter or
// task is discarded, but the store may not have recorded it yet.
func (d *Dispatcher) Discard(ctx context.Context, id string) error {
	stored, err := d.discard(ctx, id)
	if err != nil {
		return err
	}
	return stored.wait(ctx, "the task is discarded")
}

// discard discards a letter or task here.
func (d *Dispatcher) discard(ctx context.Context, id string) (storing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.waitOwner(ctx, func() bool { return true }); err != nil {
		return storing{}, err
	}
	defer d.changed.Notify()
	if t := d.queue.Get(taskqueue.ID(id)); t != nil && !t.Control {
		if d.queue.Discard(t.ID, ErrDiscarded) == nil {
			return storing{}, ErrTaskRuns
		}
		d.forget(t)
		return d.storing(), nil
	}
	if d.discardDone(id) {
		return d.storing(), nil
	}
	e, err := d.takeLetter(id)
	if err != nil {
		return storing{}, err
	}
	d.dropLetter(e)
	d.store.update(ending(id, e.Terms, e.Attempts))
	return d.storing(), nil
}
