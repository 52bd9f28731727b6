package gozmq

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// Close ends a server before, while and after it serves.
func TestServerClose(t *testing.T) {
	for _, when := range []string{"before Listen", "before Serve", "while it serves", "twice"} {
		t.Run(when, func(t *testing.T) {
			h := newStuck(t)
			s := newServer(t, Bind("inproc://"+t.Name()))
			if err := s.RegisterService(Service{Name: "test.Service", Handlers: h.obedient()}); err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			switch when {
			case "before Serve":
				if err := s.Listen(); err != nil {
					t.Fatal(err)
				}
				served <- nil
			case "while it serves", "twice":
				go func() { served <- s.Serve(context.Background()) }()
				c := dial(t, Connect("inproc://"+t.Name()))
				ended := make(chan error, 1)
				go func() { ended <- callEcho(testkit.Within(t), c, "x") }()
				ctx := testkit.Receive(t, h.called, "the call")
				defer func() {
					testkit.Receive(t, ctx.Done(), "the end of the call's context")
					wantCode(t, testkit.Receive(t, ended, "the end of the call"), CodeCanceled)
				}()
			default:
				served <- nil
			}
			for range 2 {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}
			if err := testkit.Receive(t, served, "the end of Serve"); err != nil {
				t.Errorf("Serve: %v", err)
			}
			if err := s.Listen(); err == nil {
				t.Error("a closed server listens")
			}
		})
	}
}

// Close does not wait for calls for which Serve still does.
func TestServerCloseWhileItStops(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		h := newStuck(t)
		r, c := s.pair(t, h.obedient(), []ServerOption{WithDrainTimeout(time.Hour)}, nil)
		ended := make(chan error, 1)
		go func() { ended <- callEcho(testkit.Within(t), c, "x") }()
		ctx := testkit.Receive(t, h.called, "the call")
		r.cancel()
		stops(t, r.Server)
		closed := make(chan error, 1)
		go func() { closed <- r.Close() }()
		testkit.Receive(t, ctx.Done(), "the end of the call's context")
		wantCode(t, testkit.Receive(t, ended, "the end of the call"), CodeCanceled)
		if err := errors.Join(testkit.Receive(t, closed, "the end of Close"), r.stop()); err != nil {
			t.Error(err)
		}
	})
}

// Serve and Close return when the last answer has been sent, whichever of them
// stops the server: the program may end then.
func TestServeReturnsWhenStopped(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		h := newStuck(t)
		r, c := s.pair(t, h.handlers(), []ServerOption{WithLinger(time.Hour)}, nil)
		ended, closed := make(chan error, 1), make(chan error, 2)
		go func() { ended <- callEcho(testkit.Within(t), c, "x") }()
		testkit.Receive(t, h.called, "the call")
		for range 2 {
			go func() { closed <- r.Close() }()
		}
		stops(t, r.Server)
		for range 100 { // who does not wait had better return now
			runtime.Gosched()
		}
		select {
		case err := <-r.done:
			t.Errorf("Serve has returned %v while a call runs", err)
			r.done <- err
		case err := <-closed:
			t.Errorf("Close has returned %v while a call runs", err)
			closed <- err
		default:
		}
		h.free()
		err := errors.Join(testkit.Receive(t, ended, "the answer"), testkit.Receive(t, closed, "the end of Close"), testkit.Receive(t, closed, "the end of Close"), r.stop())
		if err != nil {
			t.Error(err)
		}
	})
}

// stops waits until a server has begun to stop.
func stops(t *testing.T, s *Server) {
	t.Helper()
	testkit.Eventually(t, "that the server stops", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.state >= serverStopping
	})
}
