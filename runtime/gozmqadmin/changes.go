package gozmqadmin

import (
	"context"

	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// change fails unless changes are allowed.
func (s *server) change() error {
	if s.changes {
		return nil
	}
	return &gozmq.Error{
		Code:    gozmq.CodePermissionDenied,
		Message: "this program lets nobody change its queues: it has to register the service with gozmqadmin.AllowChanges()",
	}
}

// RetryTasks has dead letters run again, and delayed tasks that the filter names
// run now.
func (s *server) RetryTasks(ctx context.Context, req *adminv1.RetryTasksRequest) (*adminv1.RetryTasksResponse, error) {
	states := []adminv1.TaskState{adminv1.TaskState_TASK_STATE_DEAD}
	if f := req.GetFilter(); len(f.GetIds()) > 0 || len(f.GetStates()) > 0 {
		states = append(states, adminv1.TaskState_TASK_STATE_DELAYED)
	}
	n, err := s.each(ctx, req.GetFilter(), req.GetAll(), states, (*gozmq.Ventilator).Redrive)
	if err != nil {
		return nil, err
	}
	return &adminv1.RetryTasksResponse{Retried: n}, nil
}

// DiscardTasks deletes tasks that wait, dead letters, and tasks that are kept.
func (s *server) DiscardTasks(ctx context.Context, req *adminv1.DiscardTasksRequest) (*adminv1.DiscardTasksResponse, error) {
	n, err := s.each(ctx, req.GetFilter(), req.GetAll(), []adminv1.TaskState{
		adminv1.TaskState_TASK_STATE_WAITING, adminv1.TaskState_TASK_STATE_DELAYED, adminv1.TaskState_TASK_STATE_DEAD,
		adminv1.TaskState_TASK_STATE_DONE,
	}, (*gozmq.Ventilator).Discard)
	if err != nil {
		return nil, err
	}
	return &adminv1.DiscardTasksResponse{Discarded: n}, nil
}

// CancelTasks gives up tasks that wait and tasks that workers have.
func (s *server) CancelTasks(ctx context.Context, req *adminv1.CancelTasksRequest) (*adminv1.CancelTasksResponse, error) {
	n, err := s.each(ctx, req.GetFilter(), req.GetAll(), []adminv1.TaskState{
		adminv1.TaskState_TASK_STATE_WAITING, adminv1.TaskState_TASK_STATE_DELAYED, adminv1.TaskState_TASK_STATE_RUNNING,
	}, (*gozmq.Ventilator).Cancel)
	if err != nil {
		return nil, err
	}
	return &adminv1.CancelTasksResponse{Canceled: n}, nil
}

// each calls do with each selected task in one of the states, and returns how many
// it has changed. It leaves out tasks that have changed in the meantime. It fails
// when there are ids and none was changed.
func (s *server) each(ctx context.Context, f *adminv1.TaskFilter, all bool, in []adminv1.TaskState, do func(*gozmq.Ventilator, context.Context, string) error) (n uint64, err error) {
	if err := s.change(); err != nil {
		return 0, err
	}
	if (len(f.GetIds()) > 0) == all {
		return 0, gozmq.Errorf(gozmq.CodeInvalidArgument, "set either the ids of tasks in the filter, or all")
	}
	v, err := s.ventilator(f.GetRole())
	if err != nil {
		return 0, err
	}
	ids, err := selected(ctx, v, f, in)
	if err != nil {
		return 0, err
	}
	var first error
	for _, id := range ids {
		switch err := do(v, ctx, id); gozmq.CodeOf(err) {
		case 0:
			n++
		case gozmq.CodeNotFound, gozmq.CodeFailedPrecondition:
			if first == nil {
				first = err
			}
		default:
			return n, gozmq.Errorf(gozmq.CodeOf(err), "%d of %d tasks were changed: %w", n, len(ids), err)
		}
	}
	switch {
	case all || n > 0:
		return n, nil
	case first != nil:
		return 0, first
	}
	return 0, gozmq.Errorf(gozmq.CodeNotFound, "no such task is in a state in which that can be done")
}

// selected returns the ids of the tasks that a filter selects, in those states.
// Where it has nothing but ids the queue is not looked through: the ventilator
// knows which of them it can change.
func selected(ctx context.Context, v *gozmq.Ventilator, f *adminv1.TaskFilter, in []adminv1.TaskState) (ids []string, err error) {
	if len(f.GetIds()) > 0 && f.GetProcedure() == "" && len(f.GetStates()) == 0 {
		for _, id := range f.GetIds() {
			ids = append(ids, string(id))
		}
		return ids, nil
	}
	filter, token := newTaskFilter(f), ""
	for {
		p := &taskPage{filter: filter, room: maxPage}
		if err := p.fill(ctx, v, token); err != nil {
			return nil, err
		}
		for _, t := range p.list {
			if (&taskFilter{states: in}).takes(t) {
				ids = append(ids, string(t.GetId()))
			}
		}
		if p.next == "" {
			return ids, nil
		}
		token = p.next
	}
}

// PauseTasks keeps the waiting tasks of a method, or of all, from workers.
func (s *server) PauseTasks(ctx context.Context, req *adminv1.PauseTasksRequest) (*adminv1.PauseTasksResponse, error) {
	if err := s.change(); err != nil {
		return nil, err
	}
	v, err := s.ventilator(req.GetRole())
	if err != nil {
		return nil, err
	}
	return &adminv1.PauseTasksResponse{}, v.Pause(ctx, req.GetProcedure())
}

// ResumeTasks ends what PauseTasks has begun.
func (s *server) ResumeTasks(ctx context.Context, req *adminv1.ResumeTasksRequest) (*adminv1.ResumeTasksResponse, error) {
	if err := s.change(); err != nil {
		return nil, err
	}
	v, err := s.ventilator(req.GetRole())
	if err != nil {
		return nil, err
	}
	return &adminv1.ResumeTasksResponse{}, v.Resume(ctx, req.GetProcedure())
}
