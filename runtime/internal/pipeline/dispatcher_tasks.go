package pipeline

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A TaskFilter says which tasks Tasks returns.
type TaskFilter struct {
	Procedure        string // empty: any
	Waiting, Running bool   // false: not these
	After            taskqueue.Place
	Limit            int
}

// A TaskState is a task that is not finished, or that was done and is kept.
type TaskState struct {
	ID, Procedure         string
	Running               bool
	Worker                string // the address of the worker that has it
	Attempts, MaxAttempts int
	Batch                 string
	Body                  []byte
	Metadata              wire.Metadata
	Enqueued, Since, Due  time.Time
	Ended                 time.Time // when it was done; zero: it is not
	Result                []byte    // that is kept; nil: none is
	Terms                 taskqueue.Terms
	Progress              taskqueue.Progress
	Reason                error // why the last attempt failed; nil: none has
}

// maxWalk is how many tasks one call of Tasks looks at, so that it does not hold
// the queue up for long.
const maxWalk = 10_000

// Tasks returns unfinished tasks, oldest first, and the place where the next call
// goes on; more is false when there are no further tasks.
func (d *Dispatcher) Tasks(f TaskFilter) (list []TaskState, next taskqueue.Place, more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next = f.After
	looked := 0
	d.queue.Walk(f.After, func(t *taskqueue.Task) bool {
		if looked == maxWalk || len(list) == f.Limit {
			more = true
			return false
		}
		looked++
		next = t.Place()
		p, _ := t.Holder()
		running := p != nil
		if f.Procedure != "" && f.Procedure != t.Procedure || running && !f.Running || !running && !f.Waiting {
			return true
		}
		list = append(list, d.runningState(t))
		return true
	})
	return list, next, more
}

// Task returns the task with an id, if it is not finished, or was done and is kept.
// Its errors are ErrNoTask and ErrNotOwner.
func (d *Dispatcher) Task(id string) (TaskState, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.owner {
		return TaskState{}, ErrNotOwner
	}
	if t := d.done.byID[id]; t != nil {
		return t.TaskState, nil
	}
	t := d.queue.Get(taskqueue.ID(id))
	if t == nil || t.Control {
		return TaskState{}, ErrNoTask
	}
	return d.runningState(t), nil
}

// runningState is stateOf, and names the worker that holds the task.
func (d *Dispatcher) runningState(t *taskqueue.Task) TaskState {
	s := d.stateOf(t)
	p, since := t.Holder()
	s.Running, s.Since = p != nil, since
	if c := d.conns[p]; c != nil {
		s.Worker = c.Address()
	}
	return s
}

// stateOf returns the state of a task, held or waiting, whose body the caller may
// keep.
func (d *Dispatcher) stateOf(t *taskqueue.Task) TaskState {
	t.OwnsBody = false
	h := wire.ParseTaskHeader(t.Header)
	s := TaskState{
		ID: string(t.ID), Procedure: t.Procedure, Attempts: t.Attempts, MaxAttempts: t.MaxAttempts, Batch: h.BatchName(),
		Body: t.Body, Metadata: h.Metadata, Enqueued: t.Since, Due: t.Due(), Reason: t.Reason,
	}
	if t.Terms != nil {
		s.Terms = *t.Terms
	}
	if t.Progress != nil {
		s.Progress = *t.Progress
	}
	return s
}
