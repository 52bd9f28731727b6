package gozmq

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// Streams of each kind, beside calls, reach one server each, though there are two.
func TestProxyStreams(t *testing.T) {
	overChains(t, PatternReqRep, func(t *testing.T, c chain) {
		for range 2 {
			serve(t, Connect(c.back()), allMethods())
		}
		conn := dial(t, Connect(c.front()))
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() { streamAll(t, conn, 100*n) })
			wg.Go(func() {
				for range 100 {
					if err := callEcho(testkit.Within(t), conn, "beside"); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// streamAll makes a call of each kind, of n messages.
func streamAll(t *testing.T, c Caller, n int) {
	if err := watchNumbers(t, c, n); err != nil {
		t.Errorf("Watch of %d: %v", n, err)
	}
	ctx := testkit.Within(t)
	chat, up, want := c.Stream(ctx, chatMethod), c.Stream(ctx, uploadMethod), ""
	for i := range n {
		m, text := new(bytez), strconv.Itoa(i)
		want += text
		if err := chat.Send(ctx, textOf(text)); err != nil {
			t.Errorf("Chat: %v", err)
			return
		}
		if more, err := chat.Receive(ctx, m); !more || err != nil || string(m.GetValue()) != text {
			t.Errorf("Chat: %q, %v, %v", m.GetValue(), more, err)
			return
		}
		if err := up.Send(ctx, textOf(text)); err != nil {
			t.Errorf("Upload: %v", err)
			return
		}
	}
	if err := chat.CloseSend(ctx); err != nil {
		t.Error(err)
	}
	if more, err := chat.Receive(ctx, new(bytez)); more || err != nil {
		t.Errorf("the end of Chat: %v, %v", more, err)
	}
	if err := up.CloseSend(ctx); err != nil {
		t.Error(err)
	}
	reply := new(bytez)
	if more, err := up.Receive(ctx, reply); !more || err != nil || string(reply.GetValue()) != want {
		t.Errorf("Upload: %d bytes, %v, %v", len(reply.GetValue()), more, err)
	}
}

// watchNumbers receives the numbers up to n.
func watchNumbers(t *testing.T, c Caller, n int) error {
	ctx := testkit.Within(t)
	s := c.Stream(ctx, watchMethod)
	if err := s.Send(ctx, textOf(strconv.Itoa(n))); err != nil {
		return err
	}
	for i := 0; ; i++ {
		m := new(bytez)
		more, err := s.Receive(ctx, m)
		switch {
		case err != nil:
			return err
		case more && string(m.GetValue()) == strconv.Itoa(i):
			continue
		case more || i != n:
			return fmt.Errorf("message %d of %d is %q", i, n, m.GetValue())
		}
		return nil
	}
}

// waiting serves chatMethod: it sends a message and waits for the end of its
// context.
func waiting(ended chan<- error) []Handler {
	return append(chatting(func(ctx context.Context, s ServerStream) error {
		if err := s.Send(ctx, textOf("open")); err != nil {
			return err
		}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	}), echoHandlers()...)
}

// openChat opens a stream of waiting.
func openChat(t *testing.T, c Caller) Stream {
	t.Helper()
	s := c.Stream(testkit.Within(t), chatMethod)
	mustSend(t, s, "")
	wantMessage(t, s, "open")
	return s
}

// A stream whose server is gone ends at once; the next one goes to another server.
func TestProxyStreamServerDies(t *testing.T) {
	overChains(t, PatternReqRep, func(t *testing.T, c chain) {
		ended := make(chan error, 16)
		first := serve(t, Connect(c.back()), waiting(ended))
		conn := dial(t, Connect(c.front()))
		lost := []Stream{openChat(t, conn), openChat(t, conn), openChat(t, conn)}
		serve(t, Connect(c.back()), waiting(ended))
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		for _, s := range lost {
			wantFailure(t, s, CodeUnavailable)
		}
		openChat(t, conn).Close()
		mustEcho(t, conn)
	})
}

// A client that is gone, and one that cancels, end the context of their handlers.
func TestProxyStreamClientDies(t *testing.T) {
	overChains(t, PatternReqRep, func(t *testing.T, c chain) {
		ended := make(chan error, 16)
		serve(t, Connect(c.back()), waiting(ended))
		conn := dial(t, Connect(c.front()))
		openChat(t, conn).Close()
		wantCode(t, testkit.Receive(t, ended, "the end of the canceled one"), CodeCanceled)
		for range 3 {
			openChat(t, conn)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		for range 3 {
			testkit.Receive(t, ended, "the end of a handler whose client is gone")
		}
		mustEcho(t, dial(t, Connect(c.front())))
	})
}

// A stream that nobody reads delays no call through the same proxy, on the same
// connection.
func TestProxyStreamUnread(t *testing.T) {
	overChains(t, PatternReqRep, func(t *testing.T, c chain) {
		serve(t, Connect(c.back()), append(watching(func(ctx context.Context, _ *bytez, s ServerStream) error {
			for {
				if err := s.Send(ctx, textOf(strings.Repeat("x", 4<<10))); err != nil {
					return err
				}
			}
		}), echoHandlers()...))
		conn := dial(t, Connect(c.front()))
		for range 20 {
			watch(t, conn, "")
		}
		for range 100 {
			mustEcho(t, conn)
		}
	})
}
