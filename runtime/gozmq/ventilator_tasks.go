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
// the first 100 of those that are not finished.
type TaskFilter struct {
	Procedure string // "package.Service/Method"; empty: any
	State     TaskState
	Limit     int    // at most 1000; 0: 100
	After     string // where the last call ended; empty: from the beginning
}

// A TaskState is what happens to a task.
type TaskState uint8

// The states of tasks. 0 in a TaskFilter stands for those that are not finished.
const (
	TaskWaiting TaskState = iota + 1 // for a worker, or for a time
	TaskRunning                      // a worker has it
	TaskDone                         // it was done, and is kept (PushOptions.Retain)
)

// String returns the state in lower case.
func (s TaskState) String() string {
	switch s {
	case TaskWaiting:
		return "waiting"
	case TaskRunning:
		return "running"
	case TaskDone:
		return "done"
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
	Since       time.Time // when the worker got it, until it was done
	Ended       time.Time // when it was done; zero: it is not
	Due         time.Time // end of the worker's lease, or of the pause after a failure; zero: none
	Worker      string    // address of the worker that has it, or has done it
	Expires     time.Time // when it is given up if it waits; zero: never
	Priority    int
	Reason      error // why the last attempt failed; nil: none has

	// Progress is how far its handler has said that it is, 0 to 1, and ProgressText
	// what it was at (TaskInfo.ReportProgress). A store keeps them with a task that
	// was done.
	Progress     float64
	ProgressText string

	body   []byte
	result []byte  // nil: none is kept
	bodies *bodies // of the ventilator
}

// Unmarshal decodes the task into m, which must have the type of the pushed
// message.
func (t *TaskStatus) Unmarshal(m proto.Message) error { return t.bodies.decodeInput(t.body, m) }

// Body returns the task as it was encoded. It must not be changed.
func (t *TaskStatus) Body() []byte { return t.body }

// UnmarshalResult decodes the result of a task with TaskDone into m, which must
// have the type of the method's result. Its error has CodeNotFound when none is
// kept: the task is not done, its method has no result, the result is larger than
// 1 MiB or WithMaxMessageSize, or the worker has not sent it, such as one in
// another language.
func (t *TaskStatus) UnmarshalResult(m proto.Message) error {
	if t.result == nil {
		return Errorf(CodeNotFound, "no result is kept of task %x of %s, which is %v", t.ID, t.Procedure, t.State)
	}
	return t.bodies.decodeInput(t.result, m)
}

// Result returns the result as it was encoded; nil if none is kept. It must not be
// changed.
func (t *TaskStatus) Result() []byte { return t.result }

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

// Tasks returns tasks that are not finished, oldest first, or with TaskDone those
// that are kept, in the order in which they were done, and what After is for the
// next ones; that is empty when there are no more. One call looks at 10,000 tasks
// at most, so it may return fewer than the limit. A ventilator that stands by has
// none.
func (v *Ventilator) Tasks(f TaskFilter) (tasks []TaskStatus, after string, err error) {
	q, err := v.queue()
	if err != nil {
		return nil, "", err
	}
	from, err := parsePlace(f.After)
	if err != nil || f.Limit < 0 || f.Limit > maxTasksLimit || f.State > TaskDone {
		return nil, "", Errorf(CodeInvalidArgument, "a limit of %d after %q in %v makes no sense", f.Limit, f.After, f.State)
	}
	if f.Limit == 0 {
		f.Limit = defaultTasksLimit
	}
	if f.State == TaskDone {
		return q.doneTasks(f, from.Added)
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

// Task returns the task with an id that is not finished, or that was done and is
// kept. A push with StoreInfo says the id. The error has CodeNotFound if there is
// none, as for a dead letter (DeadLetters), and CodeUnavailable if the ventilator
// stands by.
func (v *Ventilator) Task(id string) (TaskStatus, error) {
	q, err := v.queue()
	if err != nil {
		return TaskStatus{}, err
	}
	t, err := q.Dispatcher.Task(id)
	if err != nil {
		return TaskStatus{}, pipelineError(err, fmt.Sprintf("task %x", id))
	}
	return newTaskStatus(&t, &q.bodies), nil
}

// doneTasks is Tasks for those that are kept.
func (s *queuedSender) doneTasks(f TaskFilter, from uint64) (tasks []TaskStatus, after string, err error) {
	list, next := s.DoneTasks(f.Procedure, from, f.Limit)
	for _, t := range list {
		tasks = append(tasks, newTaskStatus(&t, &s.bodies))
	}
	if next != 0 {
		after = fmt.Sprintf("%d.", next)
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
		Expires: t.Terms.Expires, Priority: t.Terms.Priority, Progress: t.Progress.Done, ProgressText: t.Progress.Text,
		body: t.Body, result: t.Result, bodies: b,
	}
	switch {
	case t.Running:
		s.State = TaskRunning
	case !t.Ended.IsZero():
		s.State, s.Ended = TaskDone, t.Ended
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

// Discard removes a dead letter, a task that was done and is kept, or one that
// waits, and returns when the task store knows that. A batch counts a task that
// waits as given up. Its error has CodeNotFound if there is none, and
// CodeFailedPrecondition while a worker has the task, or the dead letter handler
// the letter.
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
