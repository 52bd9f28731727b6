package gozmqhealth

import (
	"context"
	"time"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqv1gozmq"
)

// A server serves a Health.
type server struct {
	gozmqv1gozmq.UnimplementedHealthServer
	health *Health
}

// Check answers at once, or when something has changed.
func (s *server) Check(ctx context.Context, req *gozmqv1.HealthCheckRequest) (*gozmqv1.HealthCheckResponse, error) {
	wait := time.Duration(0)
	if req.GetMaxWait() != nil {
		if err := req.GetMaxWait().CheckValid(); err != nil {
			return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "max_wait: %w", err)
		}
		wait = min(req.GetMaxWait().AsDuration(), maxWait)
	}
	if wait < 0 {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "max_wait is %v, want 0 or more", wait)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	now, err := s.health.wait(ctx, req.GetService(), req.GetVersion(), timer.C)
	if err != nil {
		return nil, err
	}
	return &gozmqv1.HealthCheckResponse{Status: now.status, Version: now.version}, nil
}

// Watch sends the health and each change of it until ctx ends. When changes
// follow each other faster than the client reads, it sends the last one.
func (s *server) Watch(ctx context.Context, req *gozmqv1.HealthWatchRequest, out gozmq.Sender[gozmqv1.HealthCheckResponse]) error {
	if !s.health.enter() {
		return gozmq.Errorf(gozmq.CodeResourceExhausted, "%d callers wait for changes of the health already; use Check", maxWaiting)
	}
	defer s.health.leave()
	var sent uint64
	for {
		now, change := s.health.look(req.GetService())
		if now.version != sent {
			if err := out.Send(ctx, &gozmqv1.HealthCheckResponse{Status: now.status, Version: now.version}); err != nil {
				return err
			}
			sent = now.version
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
