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

// RetryTasks has tasks run again.
func (s *server) RetryTasks(ctx context.Context, req *adminv1.RetryTasksRequest) (*adminv1.RetryTasksResponse, error) {
	if err := s.change(); err != nil {
		return nil, err
	}
	return s.UnimplementedAdminServer.RetryTasks(ctx, req)
}

// DiscardTasks deletes tasks.
func (s *server) DiscardTasks(ctx context.Context, req *adminv1.DiscardTasksRequest) (*adminv1.DiscardTasksResponse, error) {
	if err := s.change(); err != nil {
		return nil, err
	}
	return s.UnimplementedAdminServer.DiscardTasks(ctx, req)
}

// PauseTasks keeps the waiting tasks of a method from workers.
func (s *server) PauseTasks(ctx context.Context, req *adminv1.PauseTasksRequest) (*adminv1.PauseTasksResponse, error) {
	if err := s.change(); err != nil {
		return nil, err
	}
	return s.UnimplementedAdminServer.PauseTasks(ctx, req)
}

// ResumeTasks ends what PauseTasks has begun.
func (s *server) ResumeTasks(ctx context.Context, req *adminv1.ResumeTasksRequest) (*adminv1.ResumeTasksResponse, error) {
	if err := s.change(); err != nil {
		return nil, err
	}
	return s.UnimplementedAdminServer.ResumeTasks(ctx, req)
}
