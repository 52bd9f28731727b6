package gozmqadmin

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// maxBodies is how many bytes of bodies a page of tasks has before it ends.
const maxBodies = 4 << 20

// ListTasks returns tasks that are not done, then dead letters, and then tasks that
// are kept, if the filter says so.
func (s *server) ListTasks(ctx context.Context, req *adminv1.ListTasksRequest) (*adminv1.ListTasksResponse, error) {
	v, err := s.ventilator(req.GetFilter().GetRole())
	if err != nil {
		return nil, err
	}
	p := &taskPage{filter: newTaskFilter(req.GetFilter()), room: pageSize(req.GetPageSize()), bodies: req.GetBodies()}
	if err := p.fill(ctx, v, req.GetPageToken()); err != nil {
		return nil, err
	}
	return &adminv1.ListTasksResponse{Tasks: p.list, NextPageToken: p.next, Paused: v.Paused(), Standby: v.Progress().Standby}, nil
}

// A taskPage is a page of tasks that is being filled.
type taskPage struct {
	filter taskFilter
	room   int // for that many tasks
	bytes  int // of their bodies
	bodies bool
	list   []*adminv1.QueuedTask
	next   string // the token of the next page
}

func (p *taskPage) full() bool { return p.room == 0 || p.bytes >= maxBodies }

func (p *taskPage) add(t *adminv1.QueuedTask, body, result []byte) {
	if !p.filter.takes(t) {
		return
	}
	if t.BodySize = u64(len(body)); p.bodies {
		t.Body = body
		p.bytes += len(body)
	}
	if result != nil {
		t.Result = &adminv1.TaskResult{Size: u64(len(result))}
		if p.bodies {
			t.Result.Body = result
			p.bytes += len(result)
		}
	}
	p.list = append(p.list, t)
	p.room--
}

// fill fills the page that a token stands for.
func (p *taskPage) fill(ctx context.Context, v *gozmq.Ventilator, token string) error {
	part, after, _ := strings.Cut(token, ":")
	switch part {
	case "", "tasks":
		return p.tasks(ctx, v, after)
	case "letters":
		return p.letters(v, after)
	case "done":
		return p.done(ctx, v, after)
	}
	return gozmq.Errorf(gozmq.CodeInvalidArgument, "the page token is not one of ListTasks")
}

// tasks adds the tasks after a place, and then dead letters.
func (p *taskPage) tasks(ctx context.Context, v *gozmq.Ventilator, after string) error {
	rest, err := p.walk(ctx, v, gozmq.TaskFilter{After: after})
	switch {
	case err != nil:
		return err
	case rest == "":
		return p.letters(v, "")
	}
	p.next = "tasks:" + rest
	return nil
}

// walk adds the tasks of a filter until the page is full, and returns the place
// after the last one; "" if there are no more.
func (p *taskPage) walk(ctx context.Context, v *gozmq.Ventilator, filter gozmq.TaskFilter) (after string, err error) {
	filter.Procedure = p.filter.procedure
	for !p.full() {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		filter.Limit = p.room
		if p.bodies {
			filter.Limit = 1 // so that the page can end after each task
		}
		tasks, next, err := v.Tasks(filter)
		if err != nil {
			return "", err
		}
		for i := range tasks {
			p.add(newTask(&tasks[i]), tasks[i].Body(), tasks[i].Result())
		}
		if filter.After = next; next == "" {
			return "", nil
		}
	}
	return filter.After, nil
}

// letters adds the dead letters after the place after.
func (p *taskPage) letters(v *gozmq.Ventilator, after string) error {
	skip := 0
	if after != "" {
		n, err := strconv.ParseUint(after, 10, 31)
		if err != nil {
			return gozmq.Errorf(gozmq.CodeInvalidArgument, "the page token is not one of ListTasks")
		}
		skip = int(n)
	}
	n := 0
	for letter := range v.DeadLetters() {
		if n++; n <= skip {
			continue
		}
		if p.full() {
			p.next = "letters:" + strconv.Itoa(n-1)
			return nil
		}
		p.add(newLetter(&letter), letter.Body(), nil)
	}
	if p.filter.done() {
		p.next = "done:"
	}
	return nil
}

// done adds the retained tasks after a place that were done.
func (p *taskPage) done(ctx context.Context, v *gozmq.Ventilator, after string) error {
	rest, err := p.walk(ctx, v, gozmq.TaskFilter{State: gozmq.TaskDone, After: after})
	if err == nil && rest != "" {
		p.next = "done:" + rest
	}
	return err
}

func newTask(t *gozmq.TaskStatus) *adminv1.QueuedTask {
	out := &adminv1.QueuedTask{
		Id: []byte(t.ID), Procedure: valid(t.Procedure), State: adminv1.TaskState_TASK_STATE_WAITING, Attempts: u32(t.Attempts),
		Enqueued: moment(t.Enqueued), Worker: valid(t.Worker), Batch: valid(t.Batch), Metadata: newMetadata(t.Metadata),
		Expires: moment(t.Expires), Priority: int32(max(math.MinInt32, min(t.Priority, math.MaxInt32))),
		Progress: t.Progress, ProgressText: valid(t.ProgressText),
	}
	switch {
	case t.State == gozmq.TaskDone:
		out.State, out.Ended = adminv1.TaskState_TASK_STATE_DONE, moment(t.Ended)
	case t.State == gozmq.TaskRunning:
		out.State = adminv1.TaskState_TASK_STATE_RUNNING
	case t.Due.After(time.Now()):
		out.State, out.NotBefore = adminv1.TaskState_TASK_STATE_DELAYED, moment(t.Due)
	}
	out.ErrorCode, out.Error = reason(t.Reason)
	return out
}

func newLetter(d *gozmq.DeadLetter) *adminv1.QueuedTask {
	out := &adminv1.QueuedTask{
		Id: []byte(d.ID), Procedure: valid(d.Procedure), State: adminv1.TaskState_TASK_STATE_DEAD, Attempts: u32(d.Attempts),
		Enqueued: moment(d.Enqueued), Batch: valid(d.Batch), Metadata: newMetadata(d.Metadata),
	}
	out.ErrorCode, out.Error = reason(d.Reason)
	return out
}

func reason(err error) (code, text string) {
	if err == nil {
		return "", ""
	}
	return gozmq.CodeOf(err).String(), valid(err.Error())
}

func newMetadata(m gozmq.Metadata) (list []*adminv1.TaskMetadata) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		for _, value := range m[key] {
			list = append(list, &adminv1.TaskMetadata{Key: valid(key), Value: valid(value)})
		}
	}
	return list
}

// A taskFilter is a TaskFilter that is ready for use.
type taskFilter struct {
	ids       map[string]bool // nil: all
	states    []adminv1.TaskState
	procedure string
}

func newTaskFilter(f *adminv1.TaskFilter) taskFilter {
	out := taskFilter{states: f.GetStates(), procedure: f.GetProcedure()}
	for _, id := range f.GetIds() {
		if out.ids == nil {
			out.ids = make(map[string]bool)
		}
		out.ids[string(id)] = true
	}
	return out
}

// done reports whether tasks that were done are asked for.
func (f *taskFilter) done() bool {
	return f.ids != nil && len(f.states) == 0 || slices.Contains(f.states, adminv1.TaskState_TASK_STATE_DONE)
}

func (f *taskFilter) takes(t *adminv1.QueuedTask) bool {
	return (f.ids == nil || f.ids[string(t.GetId())]) && (f.procedure == "" || f.procedure == t.GetProcedure()) &&
		(len(f.states) == 0 || slices.Contains(f.states, t.GetState()))
}

// ventilator returns the ventilator of that name; for "", the only one that has a
// queue.
func (s *server) ventilator(name string) (*gozmq.Ventilator, error) {
	var only *gozmq.Ventilator
	var queueing []string
	for role, r := range s.group.Roles() {
		v, ok := r.(*gozmq.Ventilator)
		if ok && queues(v) {
			queueing = append(queueing, role)
		}
		switch {
		case name != "" && name != role:
		case name != "" && !ok:
			return nil, gozmq.Errorf(gozmq.CodeFailedPrecondition, "role %.128q is no ventilator", name)
		case name != "":
			return v, nil
		case ok && queues(v):
			only = v
		}
	}
	switch {
	case only == nil && name == "":
		return nil, gozmq.Errorf(gozmq.CodeNotFound, "the program has no ventilator with DELIVERY_AT_LEAST_ONCE")
	case name != "":
		return nil, gozmq.Errorf(gozmq.CodeNotFound, "role %.128q is not one of this program%s", name, havingQueues(queueing))
	case len(queueing) > 1:
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "the program has several ventilators, and no role is named%s", havingQueues(queueing))
	}
	return only, nil
}

// havingQueues says which roles have a queue.
func havingQueues(roles []string) string {
	if len(roles) == 0 {
		return ""
	}
	slices.Sort(roles)
	return "; those with a queue are " + strings.Join(roles, ", ")
}

// queues reports whether a ventilator has a queue.
func queues(v *gozmq.Ventilator) bool {
	_, _, err := v.Tasks(gozmq.TaskFilter{Limit: 1})
	return err == nil
}
