package cli

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// fullID is how many digits the id of a task of a ventilator has.
const fullID = 32

// find sets the ids of f to the ids of the tasks that ids name. An id is
// hexadecimal, and its first digits are enough if they are unique. It returns the
// tasks in the order of ids, and fails when one of them does not exist.
func (d *admin) find(ctx context.Context, f *adminv1.TaskFilter, ids []string) ([]*adminv1.QueuedTask, error) {
	f.Ids = nil
	look := &adminv1.TaskFilter{Role: f.GetRole()}
	for _, id := range ids {
		b, err := hex.DecodeString(id)
		if err != nil || len(id) < fullID {
			look.Ids = nil // a short one: the service finds whole ids only
			look.States = allStates
			break
		}
		look.Ids = append(look.Ids, b)
	}
	candidates := make([]candidate, len(ids))
	_, err := tasksOf(ctx, d, look, false, 0, func(task *adminv1.QueuedTask) error {
		for i, id := range ids {
			candidates[i].take(id, task)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	tasks := make([]*adminv1.QueuedTask, len(ids))
	for i, id := range ids {
		if tasks[i], err = candidates[i].only(id); err != nil {
			return nil, err
		}
		f.Ids = append(f.Ids, tasks[i].GetId())
	}
	return tasks, nil
}

// allStates includes done, which the service reports only on request.
var allStates = []adminv1.TaskState{
	adminv1.TaskState_TASK_STATE_WAITING, adminv1.TaskState_TASK_STATE_DELAYED, adminv1.TaskState_TASK_STATE_RUNNING,
	adminv1.TaskState_TASK_STATE_DEAD, adminv1.TaskState_TASK_STATE_DONE,
}

// checkID returns an error when text cannot be the beginning of an id.
func checkID(text string) error {
	if text == "" || strings.Trim(strings.ToLower(text), "0123456789abcdef") != "" {
		return wrongf("%q is no id of a task; gozmq tasks list prints them", text)
	}
	return nil
}

// A candidate is the task that an id means.
type candidate struct {
	exact, first *adminv1.QueuedTask
	several      int // tasks that begin with it
}

func (c *candidate) take(id string, task *adminv1.QueuedTask) {
	full := hex.EncodeToString(task.GetId())
	id = strings.ToLower(id)
	if full == id {
		c.exact = task
	}
	if strings.HasPrefix(full, id) {
		c.first = task
		c.several++
	}
}

// only returns the one task that id means.
func (c *candidate) only(id string) (*adminv1.QueuedTask, error) {
	switch {
	case c.exact != nil:
		return c.exact, nil
	case c.several == 1:
		return c.first, nil
	case c.several > 1:
		return nil, wrongf("%d tasks begin with %s; write more of the id", c.several, id)
	}
	return nil, gozmq.Errorf(gozmq.CodeNotFound, "there is no task %s; it may be done, gozmq tasks list says what there is", id)
}

// refused returns an error for a task in a state in which a verb does not change
// it; nil: it does.
func refused(verb string, t *adminv1.QueuedTask) error {
	running := t.GetState() == adminv1.TaskState_TASK_STATE_RUNNING
	switch {
	case verb == "cancel":
		if t.GetState() == adminv1.TaskState_TASK_STATE_DEAD {
			return gozmq.Errorf(gozmq.CodeFailedPrecondition, "task %x is dead already; gozmq tasks discard deletes its letter", t.GetId())
		}
	case verb == "requeue" && t.GetState() != adminv1.TaskState_TASK_STATE_DEAD:
		return gozmq.Errorf(gozmq.CodeFailedPrecondition, "task %x is %s; requeue is for dead letters", t.GetId(), stateWord(t.GetState()))
	case verb == "retry" && t.GetState() == adminv1.TaskState_TASK_STATE_WAITING:
		return gozmq.Errorf(gozmq.CodeFailedPrecondition, "task %x waits for a worker already; retry is for dead letters, and for delayed tasks", t.GetId())
	case running && verb == "discard":
		return gozmq.Errorf(gozmq.CodeFailedPrecondition, "task %x is running%s; gozmq tasks cancel ends it", t.GetId(), atWorker(t))
	case running:
		return gozmq.Errorf(gozmq.CodeFailedPrecondition, "task %x is running%s; %s is for tasks that wait, and for dead letters", t.GetId(), atWorker(t), verb)
	}
	return nil
}

// atWorker describes which worker has a task, if the service reports it.
func atWorker(t *adminv1.QueuedTask) string {
	if t.GetWorker() == "" {
		return ""
	}
	return fmt.Sprint(" at ", t.GetWorker())
}
