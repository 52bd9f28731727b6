package pipeline

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A task with Terms.Retain stays in the store as StateDone, and here, for so long
// after it was done. Kept are the task, its end, the worker, what that has said
// last of its progress, and the result, which went to a sink before. The worker
// sends it with DONE, because the TASK says KeepResult.

// An endRecord is the Result of a record with StateDone, as JSON.
type endRecord struct {
	Worker string  `json:"worker,omitempty"`
	Done   float64 `json:"progress,omitempty"`
	Text   string  `json:"text,omitempty"`
	Result *[]byte `json:"result,omitempty"` // in base64; nil: none is kept
}

// retains reports whether a task is kept after it was done.
func retains(t *taskqueue.Task) bool { return t.Terms != nil && t.Terms.Retain > 0 }

// retain keeps a task that p has done, and returns the status to store; d.mu is
// held. It copies the result, unless that is larger than allowed.
func (d *Dispatcher) retain(p *taskqueue.Peer, t *taskqueue.Task, result []byte) taskStatus {
	s := d.stateOf(t)
	s.Ended, s.Due = time.Now(), time.Time{}
	if len(result) <= wire.MaxKeptResult {
		s.Result = bytes.Clone(result)
	}
	if c := d.conns[p]; c != nil {
		s.Worker = c.Address()
	}
	until := s.Ended.Add(s.Terms.Retain)
	d.keepDone(s, until)
	status := d.statusOf(t)
	status.State, status.Ended, status.NotBefore, status.Expires = gozmqstore.StateDone, s.Ended, time.Time{}, until
	if s.Terms.UniqueUntil.After(until) {
		status.Expires = s.Terms.UniqueUntil
	}
	end := endRecord{Worker: s.Worker, Done: s.Progress.Done, Text: s.Progress.Text}
	if s.Result != nil {
		end.Result = &s.Result
	}
	if b, err := json.Marshal(end); err == nil {
		status.Result = b
	}
	return taskStatus{id: s.ID, Status: status}
}

// restoredDone returns a task of a store that was done, and until when it is kept.
func restoredDone(r *gozmqstore.Task) (s TaskState, until time.Time) {
	t := restoredTask(r, time.Now())
	h := wire.ParseTaskHeader(r.Header)
	s = TaskState{
		ID: r.ID, Procedure: r.Procedure, Attempts: r.Attempts, MaxAttempts: r.MaxAttempts, Batch: h.BatchName(),
		Body: r.Body, Metadata: h.Metadata, Enqueued: t.Since, Reason: t.Reason, Ended: r.Ended, Terms: *t.Terms,
	}
	s.Terms.Expires = time.Time{} // the record has the time
	var end endRecord
	if json.Unmarshal(r.Result, &end) == nil {
		s.Worker, s.Progress = end.Worker, taskqueue.Progress{Done: end.Done, Text: end.Text}
		if end.Result != nil {
			s.Result = *end.Result
		}
	}
	return s, r.Ended.Add(r.Retain)
}

// keepDone keeps a task that was done; d.mu is held.
func (d *Dispatcher) keepDone(s TaskState, until time.Time) {
	for _, t := range d.done.add(s, until) {
		d.removeDone(t)
	}
}

// removeDone deletes the record of a task that is kept no longer, unless it has to
// keep its unique key: then dropFreed does; d.mu is held.
func (d *Dispatcher) removeDone(t *doneTask) {
	if !t.Terms.UniqueUntil.After(time.Now()) {
		d.store.remove(t.ID)
	}
}

// expireDone forgets the tasks that were kept for long enough; d.mu is held.
func (d *Dispatcher) expireDone(now time.Time) {
	for t := d.done.expire(now); t != nil; t = d.done.expire(now) {
		d.removeDone(t)
	}
}

// discardDone forgets a task that was done, if there is one with that id; d.mu is
// held.
func (d *Dispatcher) discardDone(id string) bool {
	t := d.done.byID[id]
	if t == nil {
		return false
	}
	d.done.remove(t)
	d.store.update(ending(id, &t.Terms, t.Attempts))
	return true
}

// DoneTasks returns up to limit retained tasks of a procedure, "" for any, in the
// order of their ends, that follow the place after (0: from the beginning); and the
// place for the next call, 0 when there are no more.
func (d *Dispatcher) DoneTasks(procedure string, after uint64, limit int) (tasks []TaskState, next uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for e := d.done.order.First(); e != nil; e = e.Next() {
		t := e.Value()
		switch {
		case t.place <= after || procedure != "" && t.Procedure != procedure:
		case len(tasks) == limit:
			return tasks, next
		default:
			tasks, next = append(tasks, t.TaskState), t.place
		}
	}
	return tasks, 0
}

// restoreDone loads the store's records of retained tasks that were done; d.mu is
// held.
func (d *Dispatcher) restoreDone(records []gozmqstore.Task) {
	slices.SortStableFunc(records, func(a, b gozmqstore.Task) int { return a.Ended.Compare(b.Ended) })
	for i := range records {
		d.keepDone(restoredDone(&records[i]))
	}
}
