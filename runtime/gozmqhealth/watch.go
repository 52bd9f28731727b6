package gozmqhealth

import (
	"context"
	"iter"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqv1gozmq"
)

const (
	// pollWait is how long Watch lets the server wait for a change.
	pollWait = 20 * time.Second
	// pollGrace is how long an answer may take beyond that.
	pollGrace = 10 * time.Second
	// pollPause is how long Watch leaves a server alone that answers early with
	// nothing new, as one does that shuts down.
	pollPause = time.Second
)

// Watch yields the health of a service, first the present one and then each
// change. When changes follow each other faster than checks do, it yields the
// last one. An error of a check is yielded and ends the iteration: with
// CodeUnavailable when the connection was lost, with CodeDeadlineExceeded when
// the server does not answer. When ctx ends, the iteration ends without an
// error.
//
// A Conn to several servers asks any of them; to watch one server, use a Conn
// to it alone.
func Watch(ctx context.Context, c gozmq.Caller, service string) iter.Seq2[gozmqv1.HealthStatus, error] {
	return func(yield func(gozmqv1.HealthStatus, error) bool) {
		client := gozmqv1gozmq.NewHealthClient(c)
		req := &gozmqv1.HealthCheckRequest{Service: service, MaxWait: durationpb.New(pollWait)}
		last := gozmqv1.HealthStatus_HEALTH_STATUS_UNSPECIFIED
		for {
			asked := time.Now()
			resp, err := client.Check(ctx, req, gozmq.WithTimeout(pollWait+pollGrace))
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(gozmqv1.HealthStatus_HEALTH_STATUS_UNSPECIFIED, err)
				return
			}
			news := req.GetVersion() == 0 || resp.GetStatus() != last
			req.Version, last = resp.GetVersion(), resp.GetStatus()
			if news && !yield(last, nil) || !news && !pause(ctx, asked.Add(pollPause)) {
				return
			}
		}
	}
}

// pause waits until then; it returns false when ctx ends first.
func pause(ctx context.Context, then time.Time) bool {
	timer := time.NewTimer(time.Until(then))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
