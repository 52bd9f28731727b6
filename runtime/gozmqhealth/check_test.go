package gozmqhealth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

const (
	serving    = gozmqv1.HealthStatus_HEALTH_STATUS_SERVING
	notServing = gozmqv1.HealthStatus_HEALTH_STATUS_NOT_SERVING
	unknown    = gozmqv1.HealthStatus_HEALTH_STATUS_SERVICE_UNKNOWN
)

// A registrar takes any service.
type registrar struct{ services []gozmqimpl.Service }

func (r *registrar) RegisterService(s gozmqimpl.Service) error {
	r.services = append(r.services, s)
	return nil
}

// newHealth returns a Health and what serves it.
func newHealth(t *testing.T) (*Health, *server) {
	t.Helper()
	h, err := Register(&registrar{})
	if err != nil {
		t.Fatal(err)
	}
	return h, &server{health: h}
}

// check asks and does not wait.
func check(t *testing.T, s *server, service string, want gozmqv1.HealthStatus) *gozmqv1.HealthCheckResponse {
	t.Helper()
	resp, err := s.Check(context.Background(), &gozmqv1.HealthCheckRequest{Service: service})
	if err != nil || resp.GetStatus() != want || resp.GetVersion() == 0 {
		t.Fatalf("Check(%q) = %v, %v, want %v and a version", service, resp, err, want)
	}
	return resp
}

// An answer is that of a check that was under way.
type answer struct {
	resp *gozmqv1.HealthCheckResponse
	err  error
}

// begin asks in a goroutine for another health than that of last.
func begin(ctx context.Context, s *server, service string, last *gozmqv1.HealthCheckResponse, wait time.Duration) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		resp, err := s.Check(ctx, &gozmqv1.HealthCheckRequest{Service: service, Version: last.GetVersion(), MaxWait: durationpb.New(wait)})
		done <- answer{resp, err}
	}()
	return done
}

// pending checks, within a bubble, that there is no answer.
func pending(t *testing.T, done <-chan answer) {
	t.Helper()
	synctest.Wait()
	select {
	case a := <-done:
		t.Fatalf("got %v, %v, want the check to wait", a.resp, a.err)
	default:
	}
}

// answered checks, within a bubble, that there is an answer by now.
func answered(t *testing.T, done <-chan answer, want gozmqv1.HealthStatus) *gozmqv1.HealthCheckResponse {
	t.Helper()
	synctest.Wait()
	select {
	case a := <-done:
		if a.err != nil || a.resp.GetStatus() != want {
			t.Fatalf("got %v, %v, want %v", a.resp, a.err, want)
		}
		return a.resp
	default:
		t.Fatal("the check waits")
	}
	return nil
}

func TestStatusPerService(t *testing.T) {
	h, s := newHealth(t)
	check(t, s, "", serving)
	never := check(t, s, "a.Service", unknown)
	h.Set("a.Service", true)
	first := check(t, s, "a.Service", serving)
	if again := check(t, s, "a.Service", serving); again.GetVersion() != first.GetVersion() {
		t.Errorf("version %d became %d without a change", first.GetVersion(), again.GetVersion())
	}
	h.Set("a.Service", true)
	if again := check(t, s, "a.Service", serving); again.GetVersion() != first.GetVersion() {
		t.Errorf("a Set that changes nothing made version %d of %d", again.GetVersion(), first.GetVersion())
	}
	h.Set("a.Service", false)
	second := check(t, s, "a.Service", notServing)
	h.Set("a.Service", true)
	third := check(t, s, "a.Service", serving)
	seen := map[uint64]bool{}
	for _, r := range []*gozmqv1.HealthCheckResponse{never, first, second, third} {
		if seen[r.GetVersion()] {
			t.Errorf("version %d came twice", r.GetVersion())
		}
		seen[r.GetVersion()] = true
	}
	check(t, s, "", serving)
	h.Set("", false)
	check(t, s, "", notServing)
}

func TestCheckWaitsForChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newHealth(t)
		h.Set("a.Service", true)
		last := check(t, s, "a.Service", serving)
		done := begin(t.Context(), s, "a.Service", last, 30*time.Second)
		pending(t, done)
		h.Set("another.Service", true)
		pending(t, done)
		h.Set("a.Service", false)
		changed := answered(t, done, notServing)

		// What changed between two checks is told at once, even when it is back.
		h.Set("a.Service", true)
		h.Set("a.Service", false)
		if r := answered(t, begin(t.Context(), s, "a.Service", changed, 30*time.Second), notServing); r.GetVersion() == changed.GetVersion() {
			t.Error("the version does not tell of two changes")
		}
		// A version of another server is another version.
		answered(t, begin(t.Context(), s, "a.Service", &gozmqv1.HealthCheckResponse{Version: 7}, 30*time.Second), notServing)
		// A service may be waited for before it is known.
		done = begin(t.Context(), s, "later.Service", check(t, s, "later.Service", unknown), 30*time.Second)
		pending(t, done)
		h.Set("later.Service", true)
		answered(t, done, serving)
	})
}

func TestCheckWaitsNoLonger(t *testing.T) {
	for _, test := range []struct {
		name      string
		ask, take time.Duration
	}{
		{"as asked", 5 * time.Second, 5 * time.Second},
		{"the limit", 300 * time.Hour, maxWait},
		{"at once", 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, s := newHealth(t)
				last := check(t, s, "", serving)
				start := time.Now()
				a := <-begin(t.Context(), s, "", last, test.ask)
				if a.err != nil || a.resp.GetVersion() != last.GetVersion() || a.resp.GetStatus() != serving {
					t.Fatalf("got %v, %v, want what was known", a.resp, a.err)
				}
				if d := time.Since(start); d != test.take {
					t.Errorf("waited %v, want %v", d, test.take)
				}
			})
		})
	}
}

func TestCheckEndsWithCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newHealth(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := begin(ctx, s, "", check(t, s, "", serving), 30*time.Second)
		pending(t, done)
		cancel()
		if a := <-done; !errors.Is(a.err, context.Canceled) {
			t.Fatalf("got %v, %v, want the context's error", a.resp, a.err)
		}
		if h.waiting != 0 {
			t.Errorf("%d checks are counted as waiting", h.waiting)
		}
	})
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newHealth(t)
		h.Set("up.Service", true)
		h.Set("down.Service", false)
		up := begin(t.Context(), s, "up.Service", check(t, s, "up.Service", serving), 30*time.Second)
		down := begin(t.Context(), s, "down.Service", check(t, s, "down.Service", notServing), 30*time.Second)
		none := begin(t.Context(), s, "no.Service", check(t, s, "no.Service", unknown), 30*time.Second)
		pending(t, up)
		pending(t, down)
		pending(t, none)
		h.Shutdown()
		answered(t, up, notServing)
		answered(t, down, notServing)
		answered(t, none, unknown)
		h.Set("up.Service", true)
		h.Shutdown()
		last := check(t, s, "up.Service", notServing)
		answered(t, begin(t.Context(), s, "up.Service", last, 30*time.Second), notServing)
	})
}

func TestWaitingChecksAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newHealth(t)
		last := check(t, s, "", serving)
		var waiting []<-chan answer
		for range maxWaiting {
			waiting = append(waiting, begin(t.Context(), s, "", last, 30*time.Second))
		}
		pending(t, waiting[0])
		answered(t, begin(t.Context(), s, "", last, 30*time.Second), serving)
		h.Set("", false)
		for _, done := range waiting {
			answered(t, done, notServing)
		}
		pending(t, begin(t.Context(), s, "", check(t, s, "", notServing), 30*time.Second))
		h.Shutdown()
	})
}

func TestMaxWaitMustMakeSense(t *testing.T) {
	_, s := newHealth(t)
	for name, wait := range map[string]*durationpb.Duration{
		"negative":       durationpb.New(-time.Second),
		"mixed signs":    {Seconds: 1, Nanos: -1},
		"too many nanos": {Nanos: 1_000_000_000},
		"too many years": {Seconds: 1 << 60},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Check(t.Context(), &gozmqv1.HealthCheckRequest{MaxWait: wait})
			if gozmq.CodeOf(err) != gozmq.CodeInvalidArgument || !strings.Contains(err.Error(), "max_wait") {
				t.Errorf("got error %v, want invalid_argument for max_wait", err)
			}
		})
	}
}
