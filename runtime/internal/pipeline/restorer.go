package pipeline

import (
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A restorer collects the records of a store before it queues any task, because the
// state of a batch may come after its tasks.
type restorer struct {
	dispatcher *Dispatcher
	tasks      []*taskqueue.Task
	letters    []DeadTask
	batchOf    map[*taskqueue.Task]string // the ids of batches
	ids        map[string]bool
	batches    map[string]*Batch // by id
	order      []*Batch
	halted     map[string]string // procedures that are paused, with their records
	done       []gozmqstore.Task // that were done, and are kept
	keys       []gozmqstore.Task // that are over, and keep their unique key
	stale      []string          // ids of records that are no longer needed
}

func newRestorer(d *Dispatcher) *restorer {
	return &restorer{
		dispatcher: d, batchOf: make(map[*taskqueue.Task]string), ids: make(map[string]bool), batches: make(map[string]*Batch),
		halted: make(map[string]string),
	}
}

// visit takes one record. What makes no sense is reported, and left in the store.
func (r *restorer) visit(s gozmqstore.Task) error {
	err := s.Err
	if err == nil {
		err = checkStored(&s)
	}
	if err == nil && r.ids[s.ID] {
		err = fmt.Errorf("task %x is in the store twice: the second one is left there", s.ID)
	}
	if err != nil {
		r.dispatcher.cfg.StoreFailed(err)
		return nil
	}
	r.ids[s.ID] = true
	switch s.State {
	case gozmqstore.StateBatch:
		r.batch(s.ID, wire.ParseTaskHeader(s.Header).Batch)
	case gozmqstore.StatePause:
		if _, twice := r.halted[s.Procedure]; twice {
			r.stale = append(r.stale, s.ID)
		} else {
			r.halted[s.Procedure] = s.ID
		}
	case gozmqstore.StateDead:
		r.letters = append(r.letters, restoredLetter(&s))
	case gozmqstore.StateWaiting:
		r.task(&s)
	case gozmqstore.StateDone:
		switch now := time.Now(); {
		case s.Retain > 0 && s.Ended.Add(s.Retain).After(now):
			r.done = append(r.done, s)
		case !s.UniqueUntil.After(now):
			r.stale = append(r.stale, s.ID)
		}
	}
	if s.State != gozmqstore.StateWaiting && s.UniqueKey != "" && s.UniqueUntil.After(time.Now()) {
		r.keys = append(r.keys, gozmqstore.Task{ID: s.ID, UniqueKey: s.UniqueKey, UniqueUntil: s.UniqueUntil})
	}
	return nil
}

// task takes a task that waits.
func (r *restorer) task(s *gozmqstore.Task) {
	t := restoredTask(s, time.Now())
	if h := wire.ParseTaskHeader(s.Header); h.Batch != nil {
		r.batchOf[t] = string(h.Batch.ID)
	}
	r.tasks = append(r.tasks, t)
}

// batch takes the state of a batch.
func (r *restorer) batch(record string, of *wire.Batch) {
	b := r.batches[string(of.ID)]
	if b == nil {
		b = r.dispatcher.newBatch(of.ID, of.Name)
		r.batches[string(of.ID)] = b
		r.order = append(r.order, b)
	} else {
		r.stale = append(r.stale, b.record)
	}
	b.record, b.cut = record, !of.Ended
	b.count = taskqueue.Batch{ID: of.ID, Name: of.Name, Ended: true, Failed: of.Failed}
	if of.Ended {
		b.count.Tasks = of.Tasks
	}
	for _, f := range of.Failures {
		b.count.Failures = append(b.count.Failures, taskqueue.Failure{
			ID: taskqueue.ID(f.Task), Procedure: f.Procedure, Attempts: f.Attempts, Reason: &StoredReason{f.Code, f.Message},
		})
	}
}

// finish queues the tasks, even beyond the limits, and sends the batches' notices
// to the sinks again; the dispatcher's lock is held.
func (r *restorer) finish() {
	d := r.dispatcher
	for procedure := range r.halted {
		d.queue.Pause(procedure, true)
	}
	d.halted = r.halted
	left := make(map[*Batch]uint64)
	for _, t := range r.tasks {
		if b := r.batches[r.batchOf[t]]; b != nil {
			own := metadataHeader(wire.ParseTaskHeader(t.Header).Metadata)
			t.Batch, t.Header = &b.count, b.headerOf(own)
			left[b]++
		}
		d.queue.Add(t)
	}
	for _, k := range r.keys {
		d.queue.Keep(k.UniqueKey, taskqueue.ID(k.ID), k.UniqueUntil)
	}
	d.restoreDone(r.done)
	d.leaveClaimed()
	for _, letter := range r.letters {
		d.addLetter(letter, false)
	}
	d.store.remove(r.stale...)
	for _, b := range r.order {
		b.reign = d.reign
		b.count.Tasks = max(b.count.Tasks, left[b])
		b.count.Finished = b.count.Tasks - left[b]
		d.open[&b.count] = b
		d.begin(b)
		if b.cut {
			b.announced = true
			d.checkBatch(&b.count)
		} else {
			d.announce(b)
		}
	}
}
