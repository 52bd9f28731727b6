package socket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A routerTalk is a stream of a Router and its client, which the test plays. The
// stream's handler lasts as long as the test.
type routerTalk struct {
	*RouterStream
	client *zmtptest.Peer
}

func openRouterTalk(t *testing.T) *routerTalk {
	t.Helper()
	over := make(chan struct{})
	d, client := serveDialogs(t, func(*RouterStream) error { <-over; return nil })
	t.Cleanup(func() { close(over) })
	client.Send(zmtptest.Message("id", "", "open", ""))
	return &routerTalk{testkit.Receive(t, d.opened, "the stream"), client}
}

// say sends a message of the stream, and end the last one.
func (r *routerTalk) say(body string) { r.client.Send(zmtptest.Message("id", "", "say", body)) }
func (r *routerTalk) end()            { r.client.Send(zmtptest.Message("id", "", "end", "")) }

func (r *routerTalk) want(t *testing.T, want string) {
	t.Helper()
	var got text
	if more, err := r.Receive(testkit.Within(t), &got); !more || err != nil || string(got) != want {
		t.Fatalf("Receive: %.20q, %v, %v; want %.20q", got, more, err, want)
	}
}

// wantNoMore waits until no message will follow.
func (r *routerTalk) wantNoMore(t *testing.T) {
	t.Helper()
	var m text
	if more, err := r.Receive(testkit.Within(t), &m); more || err != nil {
		t.Fatalf("Receive: %q, %v, %v; want no message", m, more, err)
	}
}

func (r *routerTalk) send(t *testing.T, body string) error {
	m := text(body)
	return r.Send(testkit.Within(t), &m)
}

// hear reads a reply, and compares the frames behind its envelope.
func (r *routerTalk) hear(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, frame := range r.client.Message() {
		got = append(got, string(frame))
	}
	if !slices.Equal(got, append([]string{"id", ""}, want...)) {
		t.Fatalf("the client got %q, want %q", got, want)
	}
}

// limit replaces the client's credit, which has no limit in this package's tests.
func (r *routerTalk) limit(messages, bytes uint64) {
	r.sending.Lock()
	defer r.sending.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Init(stream.Credit{Messages: messages, Bytes: bytes})
}

func endWith(body string) func([]byte) ([]byte, error) {
	m := text(body)
	return func(b []byte) ([]byte, error) { return wire.AppendReply(b, &m, wire.ReplyHeader{}) }
}

// Streams of a Router, from their start to their end.
func TestRouterStream(t *testing.T) {
	errWhy := errors.New("why")
	for name, run := range map[string]func(*testing.T, *routerTalk){
		"half-close": func(t *testing.T, r *routerTalk) {
			r.say("one")
			r.say("")
			r.end()
			r.want(t, "one")
			r.want(t, "")
			r.wantNoMore(t)
			r.wantNoMore(t)
			if err := r.send(t, "still"); err != nil || !r.Closed() || r.Over() {
				t.Errorf("Send behind the client's end: %v", err)
			}
			r.hear(t, "", "still", streamMark)
		},
		"end": func(t *testing.T, r *routerTalk) {
			if first, err := r.Finish(errWhy, endWith("reply")); !first || err != nil {
				t.Fatalf("Finish: %v, %v", first, err)
			}
			if first, err := r.Finish(nil, endWith("again")); first || err != nil {
				t.Errorf("Finish again: %v, %v", first, err)
			}
			r.hear(t, "", "reply")
			if why, over := r.Err(); why != errWhy || !over {
				t.Errorf("it is over: %v, %v", over, why)
			}
			if err := r.send(t, "late"); !errors.Is(err, ErrStreamOver) {
				t.Errorf("Send behind the end: %v", err)
			}
			r.wantNoMore(t)
		},
		"an end that cannot be made": func(t *testing.T, r *routerTalk) {
			first, err := r.Finish(nil, func(b []byte) ([]byte, error) { return b, errWhy })
			if first || !errors.Is(err, errWhy) || r.Over() {
				t.Errorf("Finish: %v, %v", first, err)
			}
			if err := r.send(t, "goes on"); err != nil {
				t.Error(err)
			}
			r.hear(t, "", "goes on", streamMark)
		},
		"the end wakes Receive and Send": func(t *testing.T, r *routerTalk) {
			r.limit(0, 0)
			received, sent := make(chan error, 1), make(chan error, 1)
			go func() {
				var m text
				_, err := r.Receive(testkit.Within(t), &m)
				received <- err
			}()
			go func() { sent <- r.send(t, "waits") }()
			_, _ = r.Finish(errWhy, nil)
			if err := testkit.Receive(t, received, "the end of Receive"); err != nil {
				t.Errorf("Receive: %v", err)
			}
			if err := testkit.Receive(t, sent, "the end of Send"); !errors.Is(err, ErrStreamOver) {
				t.Errorf("Send: %v", err)
			}
		},
		"contexts end": func(t *testing.T, r *routerTalk) {
			ctx, cancel := context.WithCancel(testkit.Within(t))
			cancel()
			m := text("x")
			if _, err := r.Receive(ctx, &m); !errors.Is(err, context.Canceled) {
				t.Errorf("Receive: %v", err)
			}
			r.limit(0, 0)
			if err := r.Send(ctx, &m); !errors.Is(err, context.Canceled) {
				t.Errorf("Send: %v", err)
			}
			r.say("after that")
			r.want(t, "after that")
		},
		"credit": func(t *testing.T, r *routerTalk) {
			r.limit(2, 100)
			if err := errors.Join(r.send(t, "one"), r.send(t, strings.Repeat("x", 200))); err != nil {
				t.Fatal(err)
			}
			sent := make(chan error, 1)
			go func() { sent <- r.send(t, "granted") }()
			r.hear(t, "", "one", streamMark)
			r.hear(t, "", strings.Repeat("x", 200), streamMark)
			more := wire.Stream{Present: true, Messages: 3, Bytes: 300}
			if !r.Grant(more) || r.Grant(more) {
				t.Error("credit counts once")
			}
			if err := testkit.Receive(t, sent, "the end of Send"); err != nil {
				t.Error(err)
			}
			r.hear(t, "", "granted", streamMark)
		},
		"grant": func(t *testing.T, r *routerTalk) {
			for i := range wire.FirstMessages {
				r.say(fmt.Sprint(i))
			}
			for i := range wire.FirstMessages {
				r.want(t, fmt.Sprint(i))
			}
			m := r.client.Message()
			h, err := wire.ParseReplyHeader(m[4])
			if err != nil || !h.Stream.NoMessage || h.Stream.Messages <= wire.FirstMessages {
				t.Errorf("the client got %q, %v; want credit", m, err)
			}
		},
		"the client goes beyond its credit": func(t *testing.T, r *routerTalk) {
			for range wire.FirstMessages {
				r.say("x")
			}
			testkit.Eventually(t, "all messages", func() bool { return r.Got() == wire.FirstMessages })
			if err := r.Push([]byte("x")); !errors.Is(err, stream.ErrCredit) {
				t.Errorf("Push without credit: %v", err)
			}
			for range wire.FirstMessages {
				r.want(t, "x")
			}
		},
		"the same envelope": func(t *testing.T, r *routerTalk) {
			e := wire.Envelope{[]byte("id"), nil}
			if again := r.peer.NewStream(e, wire.Stream{Present: true}); again.Open() {
				t.Error("two streams have one envelope")
			}
			_, _ = r.Finish(nil, endWith("reply"))
			if again := r.peer.NewStream(e, wire.Stream{Present: true}); !again.Open() {
				t.Error("the envelope of a stream that has ended is taken")
			} else if _, err := again.Finish(nil, nil); err != nil {
				t.Error(err)
			}
		},
		"late frames": func(t *testing.T, r *routerTalk) {
			_, _ = r.Finish(nil, endWith("reply"))
			r.hear(t, "", "reply")
			r.say("late")
			r.end()
			r.client.Send(zmtptest.Message("other", "", "call", "behind"))
			if m := r.client.Message(); string(m[len(m)-1]) != "behind" {
				t.Errorf("the client got %q", m)
			}
			r.wantNoMore(t)
		},
		"headers": func(t *testing.T, r *routerTalk) {
			if err := r.SendHeaders(wire.Metadata{}); err != nil {
				t.Error(err)
			}
			m := r.client.Message()
			if h, err := wire.ParseReplyHeader(m[4]); err != nil || !h.Stream.NoMessage {
				t.Errorf("the client got %q, %v", m, err)
			}
			_, _ = r.Finish(nil, nil)
			if err := r.SendHeaders(nil); !errors.Is(err, ErrStreamOver) {
				t.Errorf("SendHeaders behind the end: %v", err)
			}
		},
		"a message that cannot be encoded": func(t *testing.T, r *routerTalk) {
			bad := appenderFunc(func(b []byte, _ byte) ([]byte, error) { return b, errWhy })
			if err := r.Send(testkit.Within(t), bad); !errors.Is(err, errWhy) {
				t.Errorf("Send: %v", err)
			}
			if err := r.send(t, "next"); err != nil {
				t.Error(err)
			}
			r.hear(t, "", "next", streamMark)
		},
	} {
		t.Run(name, func(t *testing.T) { run(t, openRouterTalk(t)) })
	}
}

// An appenderFunc is the body of a message.
type appenderFunc func(b []byte, flags byte) ([]byte, error)

func (f appenderFunc) AppendBody(b []byte, flags byte) ([]byte, error) { return f(b, flags) }
