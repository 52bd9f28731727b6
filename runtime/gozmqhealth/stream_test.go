package gozmqhealth

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A statuses is what a stream sends.
type statuses chan gozmqv1.HealthStatus

func (s statuses) Send(ctx context.Context, m *gozmqv1.HealthCheckResponse) error {
	if m.GetVersion() == 0 {
		return errors.New("there is no version")
	}
	select {
	case s <- m.GetStatus():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stream watches a service until ctx ends.
func stream(ctx context.Context, s *server, service string, size int) (statuses, <-chan error) {
	out, end := make(statuses, size), make(chan error, 1)
	go func() { end <- s.Watch(ctx, &gozmqv1.HealthWatchRequest{Service: service}, out) }()
	return out, end
}

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newHealth(t)
		ctx, cancel := context.WithCancel(t.Context())
		got, end := stream(ctx, s, "a.Service", 16)
		for _, step := range []struct {
			do   func()
			want []gozmqv1.HealthStatus
		}{
			{func() {}, []gozmqv1.HealthStatus{unknown}},
			{func() { h.Set("b.Service", true) }, nil},
			{func() { h.Set("a.Service", true) }, []gozmqv1.HealthStatus{serving}},
			{func() { h.Set("a.Service", true) }, nil},
			{func() { h.Set("a.Service", false) }, []gozmqv1.HealthStatus{notServing}},
			{func() { h.Set("a.Service", true) }, []gozmqv1.HealthStatus{serving}},
			{h.Shutdown, []gozmqv1.HealthStatus{notServing}},
		} {
			step.do()
			synctest.Wait()
			for _, want := range step.want {
				if len(got) == 0 {
					t.Fatalf("nothing was sent, want %v", want)
				}
				if status := <-got; status != want {
					t.Fatalf("got %v, want %v", status, want)
				}
			}
			if len(got) > 0 {
				t.Fatalf("got %v as well", <-got)
			}
		}
		cancel()
		if err := <-end; !errors.Is(err, context.Canceled) {
			t.Errorf("it ends with %v", err)
		}
		if h.waiting != 0 {
			t.Errorf("%d callers are counted when none is left", h.waiting)
		}
	})
}

// A client that does not read gets the last health, not all of them.
func TestStreamSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newHealth(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		got, _ := stream(ctx, s, "", 0)
		synctest.Wait() // it wants to send the first one
		for i := range 101 {
			h.Set("", i%2 == 1)
			synctest.Wait()
		}
		if first, last := <-got, <-got; first != serving || last != notServing {
			t.Errorf("got %v, %v", first, last)
		}
		synctest.Wait()
		select {
		case status := <-got:
			t.Errorf("got %v as well", status)
		default:
		}
		cancel()
		synctest.Wait()
	})
}

func TestStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s := newHealth(t)
		ctx, cancel := context.WithCancel(t.Context())
		for range maxWaiting {
			stream(ctx, s, "", 1)
		}
		synctest.Wait()
		_, end := stream(ctx, s, "", 1)
		if err := <-end; gozmq.CodeOf(err) != gozmq.CodeResourceExhausted {
			t.Errorf("one stream too many ends with %v", err)
		}
		cancel()
		synctest.Wait()
		ctx, cancel = context.WithCancel(t.Context())
		got, _ := stream(ctx, s, "", 1)
		if status := <-got; status != serving {
			t.Errorf("got %v", status)
		}
		cancel()
		synctest.Wait()
	})
}
