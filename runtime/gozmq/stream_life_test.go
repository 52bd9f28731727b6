package gozmq

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// holding serves watchMethod: it sends who it is, and lasts as long as its context.
func holding(who string) []Handler {
	return watching(func(ctx context.Context, _ *bytez, s ServerStream) error {
		if err := s.Send(ctx, textOf(who)); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
}

// TestStreamsCountAsCalls: an open stream takes a place of WithConcurrency, and
// gives it back when it ends.
func TestStreamsCountAsCalls(t *testing.T) {
	_, c := here.pair(t, append(holding("me"), echoHandlers()...), []ServerOption{WithConcurrency(2), WithMaxWaiting(0)}, nil)
	var open []Stream
	for range 2 {
		s := watch(t, c, "")
		wantMessage(t, s, "me")
		open = append(open, s)
	}
	wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeResourceExhausted, "runs 2 calls already")
	wantFailure(t, watch(t, c, ""), CodeResourceExhausted, "runs 2 calls already")
	open[0].Close()
	testkit.Eventually(t, "the place of the stream", func() bool { return callEcho(testkit.Within(t), c, "x") == nil })
	open[1].Close()
}

// TestStreamIdleStaysAlive: heartbeats keep a connection on which nothing else is
// said for many times their timeout, and the stream with it.
func TestStreamIdleStaysAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 200 * time.Millisecond
		release := make(chan struct{})
		_, c := inproc().pair(t, watching(func(ctx context.Context, _ *bytez, s ServerStream) error {
			if err := s.Send(ctx, textOf("first")); err != nil {
				return err
			}
			<-release
			return s.Send(ctx, textOf("last"))
		}), []ServerOption{WithHeartbeat(timeout/10, timeout)}, []DialOption{WithHeartbeat(timeout/10, timeout)})
		s := watch(t, c, "")
		wantMessage(t, s, "first")
		time.Sleep(50 * timeout)
		close(release)
		wantMessage(t, s, "last")
		wantEnd(t, s)
	})
}

// TestStreamOfSilentServer: a server that is there and says nothing more, not even
// that it lives, ends its streams with UNAVAILABLE within the heartbeat's timeout.
func TestStreamOfSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 200 * time.Millisecond
		c := dial(t, Bind(endpoints()["inproc"]), WithHeartbeat(timeout/10, timeout))
		p := dialRaw(t, c.Addrs()[0], "ROUTER")
		s := c.Stream(testkit.Within(t), watchMethod)
		mustSend(t, s, "x")
		p.recv() // and says nothing more
		begin := time.Now()
		wantFailure(t, s, CodeUnavailable)
		if took := time.Since(begin); took < timeout/2 || took > 2*timeout {
			t.Errorf("the stream ended after %v", took)
		}
	})
}

// TestStreamReopensElsewhere: the client of a stream that has become too old opens
// it again, and soon has it at a server that has come since.
func TestStreamReopensElsewhere(t *testing.T) {
	c := dial(t, Bind(here.endpoint))
	serve(t, Connect(c.Addrs()[0]), holding("old"), WithMaxStreamAge(30*time.Millisecond), WithDrainTimeout(time.Minute))
	s := watch(t, c, "")
	wantMessage(t, s, "old")
	serve(t, Connect(c.Addrs()[0]), holding("new"))
	if err := c.WaitForServers(testkit.Within(t), 2); err != nil {
		t.Fatal(err)
	}
	for {
		wantFailure(t, s, CodeUnavailable, "too old: open it again")
		s = watch(t, c, "")
		m := new(bytez)
		if more, err := s.Receive(testkit.Within(t), m); !more {
			t.Fatal(err)
		}
		if string(m.GetValue()) == "new" {
			return
		}
	}
}

// TestStreamNeverEndsWithEOF: no error of a stream, on either side, is io.EOF, nor
// wraps it, however the stream ends.
func TestStreamNeverEndsWithEOF(t *testing.T) {
	served := make(chan error, 10)
	r, c := here.pair(t, chatting(func(ctx context.Context, s ServerStream) error {
		m := new(bytez)
		for {
			more, err := s.Receive(m)
			served <- err
			switch {
			case err != nil:
				served <- s.Send(context.Background(), m)
				return err
			case !more:
				return nil
			case string(m.GetValue()) == "fail":
				return Errorf(CodeNotFound, "as asked")
			}
		}
	}), []ServerOption{WithDrainTimeout(0)}, nil)
	check := func(how string, err error) {
		t.Helper()
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || CodeOf(err) == CodeUnknown {
			t.Errorf("%s: %v", how, err)
		}
	}
	ends := map[string]func(Stream, context.CancelFunc){
		"good end": func(s Stream, _ context.CancelFunc) { _ = s.CloseSend(testkit.Within(t)) },
		"failed":   func(s Stream, _ context.CancelFunc) { mustSend(t, s, "fail") },
		"closed":   func(s Stream, _ context.CancelFunc) { s.Close() },
		"canceled": func(_ Stream, cancel context.CancelFunc) { cancel() },
		"stopped":  func(Stream, context.CancelFunc) { _ = r.Close() },
	}
	for _, how := range []string{"good end", "failed", "closed", "canceled", "stopped"} {
		ctx, cancel := context.WithCancel(testkit.Within(t))
		s := c.Stream(ctx, chatMethod)
		mustSend(t, s, "x")
		if err := testkit.Receive(t, served, "the first message"); err != nil {
			t.Fatal(err)
		}
		ends[how](s, cancel)
		more, err := s.Receive(testkit.Within(t), new(bytez))
		if more && how == "stopped" { // what the handler sends while the server stops may arrive
			more, err = s.Receive(testkit.Within(t), new(bytez))
		}
		if more || (err == nil) != (how == "good end") {
			t.Errorf("%s: received %v, %v", how, more, err)
		}
		if err != nil {
			check(how, err)
		}
		check(how+", Send", s.Send(testkit.Within(t), textOf("x")))
		if how == "good end" || how == "failed" {
			if err := testkit.Receive(t, served, "the end"); err != nil {
				t.Error(err)
			}
		} else {
			check(how+", handler", testkit.Receive(t, served, "the handler's error"))
			err := testkit.Receive(t, served, "the error of its Send")
			if how != "stopped" || err != nil {
				check(how+", handler's Send", err)
			}
		}
		cancel()
	}
}
