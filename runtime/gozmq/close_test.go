package gozmq

import (
	"context"
	"testing"
)

// Close ends a server before, while and after it serves.
func TestServerClose(t *testing.T) {
	for _, when := range []string{"before Listen", "before Serve", "while it serves", "twice"} {
		t.Run(when, func(t *testing.T) {
			h := newStuck(t)
			s := NewServer()
			if err := s.RegisterService(Service{Name: "test.Service", Handlers: h.obedient()}); err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			switch when {
			case "before Serve":
				if err := s.Listen(Bind("inproc://" + t.Name())); err != nil {
					t.Fatal(err)
				}
				served <- nil
			case "while it serves", "twice":
				go func() { served <- s.Serve(context.Background(), Bind("inproc://"+t.Name())) }()
				c := dial(t, Connect("inproc://"+t.Name()))
				ended := make(chan error, 1)
				go func() { ended <- callEcho(within(t), c, "x") }()
				ctx := receive(t, h.called, "the call")
				defer func() {
					receive(t, ctx.Done(), "the end of the call's context")
					wantCode(t, receive(t, ended, "the end of the call"), CodeCanceled)
				}()
			default:
				served <- nil
			}
			for range 2 {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}
			if err := receive(t, served, "the end of Serve"); err != nil {
				t.Errorf("Serve: %v", err)
			}
			if err := s.Listen(Bind("inproc://" + t.Name())); err == nil {
				t.Error("a closed server listens")
			}
		})
	}
}
