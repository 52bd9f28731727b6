package gozmq

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// A TaskFilter says which tasks Ventilator.Tasks returns. Its zero value stands for
// the first 100 of all.
type TaskFilter struct {
	Procedure string // "package.Service/Method"; empty: any
	State     TaskState
	Limit     int    // at most 1000; 0: 100
	After     string // where the last call ended; empty: from the beginning
}

// A TaskState is what happens to a task.
type TaskState uint8

// The states of tasks that are not finished. 0 in a TaskFilter stands for any.
const (
	TaskWaiting TaskState = iota + 1 // for a worker, or for a time
	TaskRunning                      // a worker has it
)

// String returns the state in lower case.
func (s TaskState) String() string {
	switch s {
	case TaskWaiting:
		return "waiting"
	case TaskRunning:
		return "running"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// A TaskStatus describes a task that a ventilator has.
type TaskStatus struct {
	ID          string // as in TaskInfo; not printable
	Procedure   string
	State       TaskState
	Attempts    int    // how often a worker has begun it, or was given it
	MaxAttempts int    // 0: without limit
	Batch       string // name of its batch, or empty
	Metadata    Metadata
	Enqueued    time.Time // when it was pushed
	Since       time.Time // when the worker got it
	Due         time.Time // end of the worker's lease, or of the pause after a failure; zero: none
	Worker      string    // address of the worker
	Expires     time.Time // when it is given up if it waits; zero: never
	Priority    int
	Reason      error // why the last attempt failed; nil: none has

	body   []byte
	bodies *bodies // of the ventilator
}

// Unmarshal decodes the task into m, which must have the type of the pushed
// message.
func (t *TaskStatus) Unmarshal(m proto.Message) error { return t.bodies.decodeInput(t.body, m) }

// Body returns the task as it was encoded. It must not be changed.
func (t *TaskStatus) Body() []byte { return t.body }

const (
	defaultTasksLimit = 100
	maxTasksLimit     = 1000
)

// queue returns what has the tasks of a ventilator with DeliveryAtLeastOnce.
func (v *Ventilator) queue() (*queuedSender, error) {
	if q, ok := v.sender.(*queuedSender); ok {
		return q, nil
	}
	return nil, Errorf(CodeFailedPrecondition, "a ventilator with DeliveryAtMostOnce keeps no tasks")
}

// Tasks returns tasks that are not finished, oldest first, and what After is for
// the next ones; that is empty when there are no more. One call looks at 10,000
// tasks at most, so it may return fewer than the limit. A ventilator that stands by
// has none.
func (v *Ventilator) Tasks(f TaskFilter) (tasks []TaskStatus, after string, err error) {
	q, err := v.queue()
	if err != nil {
		return nil, "", err
	}
	from, err := parsePlace(f.After)
	if err != nil || f.Limit < 0 || f.Limit > maxTasksLimit || f.State > TaskRunning {
		return nil, "", Errorf(CodeInvalidArgument, "a limit of %d after %q in %v makes no sense", f.Limit, f.After, f.State)
	}
	if f.Limit == 0 {
		f.Limit = defaultTasksLimit
	}
	list, next, more := q.Dispatcher.Tasks(pipeline.TaskFilter{
		Procedure: f.Procedure, Waiting: f.State != TaskRunning, Running: f.State != TaskWaiting, After: from, Limit: f.Limit,
	})
	for _, t := range list {
		tasks = append(tasks, newTaskStatus(&t, &q.bodies))
	}
	if more {
		after = fmt.Sprintf("%d.%x", next.Added, next.ID)
	}
	return tasks, after, nil
}

func parsePlace(text string) (p taskqueue.Place, err error) {
	if text == "" {
		return p, nil
	}
	added, id, _ := strings.Cut(text, ".")
	if _, err := fmt.Sscan(added, &p.Added); err != nil {
		return p, err
	}
	b, err := hex.DecodeString(id)
	p.ID = taskqueue.ID(b)
	return p, err
}

func newTaskStatus(t *pipeline.TaskState, b *bodies) TaskStatus {
	s := TaskStatus{
		ID: t.ID, Procedure: t.Procedure, State: TaskWaiting, Attempts: t.Attempts, MaxAttempts: t.MaxAttempts, Batch: t.Batch,
		Metadata: Metadata(t.Metadata), Enqueued: t.Enqueued, Since: t.Since, Due: t.Due, Worker: t.Worker,
		Expires: t.Terms.Expires, Priority: t.Terms.Priority, body: t.Body, bodies: b,
	}
	if t.Running {
		s.State = TaskRunning
	}
	if t.Reason != nil {
		s.Reason = taskFailure(t.Reason)
	}
	return s
}

// DeadLetters returns the dead letters that are kept: those without a handler,
// oldest first, and those whose handler has not returned nil yet. Without a task
// store, a ventilator keeps only the latter. It keeps up to 10,000 without a
// handler, or 64 MiB; beyond that it discards the oldest (EventLetterFailed).
func (v *Ventilator) DeadLetters() iter.Seq[DeadLetter] {
	const page = 100
	return func(yield func(DeadLetter) bool) {
		q, err := v.queue()
		if err != nil {
			return
		}
		for after := uint64(0); ; {
			letters, next := q.Dispatcher.DeadLetters(after, page)
			for i := range letters {
				if !yield(newDeadLetter(&letters[i], &q.bodies)) {
					return
				}
			}
			if len(letters) < page {
				return
			}
			after = next
		}
	}
}

// Redrive pushes the task of a dead letter again: as a new task, with a new id and
// all attempts before it, that belongs to no batch. The letter is gone when Redrive
// returns nil; then the store has the task. It does not wait for room in the queue.
//
// With the id of a task that waits for its time, because it was pushed for later or
// has failed, Redrive has the task itself run as soon as a worker is free.
//
// Its error has CodeNotFound if there is no such letter or task, and
// CodeFailedPrecondition while the dead letter handler has the letter, or while a
// worker has the task or it waits for one.
func (v *Ventilator) Redrive(ctx context.Context, id string) error {
	return v.onTask(ctx, "redrive", id, (*pipeline.Dispatcher).Redrive)
}

// Discard removes a dead letter, or a task that waits, and returns when the task
// store knows that. A batch counts such a task as given up. Its error has
// CodeNotFound if there is none, and CodeFailedPrecondition while a worker has the
// task, or the dead letter handler the letter.
func (v *Ventilator) Discard(ctx context.Context, id string) error {
	return v.onTask(ctx, "discard", id, (*pipeline.Dispatcher).Discard)
}

// Cancel gives a task up, whether it waits or a worker has it, and returns when the
// task store knows that: no restart brings it back. A batch counts the task as
// given up (EventTaskDead), and no dead letter is kept. The context of a handler
// that runs it ends, with an error of CodeCanceled as its context.Cause; the worker
// sends no result of it, and counts no failure. A worker that does not know the
// command, such as one of an earlier version, runs the task to its end, which is
// ignored; a sink may get its result.
//
// Cancel returns nil if it came first: then the task is not counted as done. If the
// end of the task did, or there is no such task, its error has CodeNotFound.
func (v *Ventilator) Cancel(ctx context.Context, id string) error {
	return v.onTask(ctx, "cancel", id, (*pipeline.Dispatcher).Cancel)
}

func (v *Ventilator) onTask(ctx context.Context, what, id string, do func(*pipeline.Dispatcher, context.Context, string) error) error {
	q, err := v.queue()
	if err != nil {
		return err
	}
	if err := do(q.Dispatcher, ctx, id); err != nil {
		return pipelineError(err, fmt.Sprintf("%s task %x", what, id))
	}
	return nil
}
