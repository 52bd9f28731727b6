package socket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// streamMark is a header with a stream in which nothing is set.
const streamMark = "\x22\x00"

// testStart starts a stream with a method and a message.
type testStart struct{}

func (testStart) AppendStart(b []byte) ([]byte, int, error) {
	body := text("start")
	b, err := body.AppendBody(zmtp.AppendFrameString(b, zmtp.FlagMore, "method"), zmtp.FlagMore)
	return zmtp.AppendFrameString(b, 0, streamMark), len(body), err
}

// A dealerTalk is a stream of a Dealer and its server, which the test plays.
type dealerTalk struct {
	*DealerStream
	dealer *Dealer
	events *recorder
	server *zmtptest.Peer
	call   string // the envelope's id
}

func openDealerTalk(t *testing.T) *dealerTalk {
	t.Helper()
	talk := &dealerTalk{events: newRecorder()}
	talk.dealer = NewDealer(testConfig(zmtp.Dealer, talk.events))
	closing(t, talk.dealer.Shutdown)
	talk.server = zmtptest.DialAs(t, bind(t, talk.dealer.Links(), tcp), zmtp.Router)
	s, err := talk.dealer.OpenStream(testkit.Within(t), nil, testStart{}, testkit.Patience())
	if err != nil {
		t.Fatal(err)
	}
	m := talk.server.Message()
	if len(m) != 5 || string(m[2]) != "method" || string(m[3]) != "start" {
		t.Fatalf("the stream starts with %q", m)
	}
	talk.DealerStream, talk.call = s, string(m[0])
	return talk
}

// say sends the frames behind the envelope.
func (d *dealerTalk) say(frames ...string) {
	d.server.Send(zmtptest.Message(slices.Concat([]string{d.call, ""}, frames)...))
}

// grant gives the dealer credit.
func (d *dealerTalk) grant(messages, bytes uint64) {
	envelope := zmtp.AppendFrame(zmtp.AppendFrameString(nil, zmtp.FlagMore, d.call), zmtp.FlagMore, nil)
	b, _ := wire.AppendStreamReplyControl(envelope, wire.Stream{Present: true, Messages: messages, Bytes: bytes}, nil)
	d.server.Send(b)
}

func (d *dealerTalk) send(t *testing.T, body string) error {
	m := text(body)
	return d.Send(testkit.Within(t), &m)
}

// hear returns what the server gets next, as a request.
func (d *dealerTalk) hear(t *testing.T) wire.Request {
	t.Helper()
	m := d.server.Message()
	r, err := wire.ParseRequest(m[2:])
	if string(m[0]) != d.call || err != nil {
		t.Fatalf("the server got %q, %v", m, err)
	}
	return r
}

func (d *dealerTalk) want(t *testing.T, want string) {
	t.Helper()
	var got text
	if more, err := d.Receive(testkit.Within(t), &got); !more || err != nil || string(got) != want {
		t.Fatalf("Receive: %.20q, %v, %v; want %.20q", got, more, err, want)
	}
}

// wantOver waits for the end.
func (d *dealerTalk) wantOver(t *testing.T) StreamEnd {
	t.Helper()
	var m text
	if more, err := d.Receive(testkit.Within(t), &m); more || err != nil {
		t.Fatalf("Receive: %q, %v, %v; want the end", m, more, err)
	}
	end, over := d.End()
	if !over || !errors.Is(d.send(t, "late"), ErrStreamOver) || !errors.Is(d.CloseSend(), ErrStreamOver) {
		t.Error("the stream goes on")
	}
	return end
}

func (d *dealerTalk) wantCancel(t *testing.T) {
	t.Helper()
	if r := d.hear(t); !r.Cancels() {
		t.Errorf("the server got %v, want a cancel", r)
	}
}

// Streams of a Dealer, from their start to their end.
func TestDealerStream(t *testing.T) {
	errGone := errors.New("gone")
	for name, run := range map[string]func(*testing.T, *dealerTalk){
		"end with a reply": func(t *testing.T, d *dealerTalk) {
			d.say("", "one", streamMark)
			d.say("", "", streamMark) // a message without bytes
			d.say("", "reply")
			d.want(t, "one")
			d.want(t, "")
			if end := d.wantOver(t); end.Err != nil || string(end.Reply.Body) != "reply" {
				t.Errorf("the end is %v", end)
			}
		},
		"end with a status": func(t *testing.T, d *dealerTalk) {
			d.say("status", "")
			if end := d.wantOver(t); end.Err != nil || string(end.Reply.Status) != "status" {
				t.Errorf("the end is %v", end)
			}
		},
		"half-close": func(t *testing.T, d *dealerTalk) {
			if err := errors.Join(d.send(t, "two"), d.CloseSend(), d.CloseSend()); err != nil {
				t.Fatal(err)
			}
			if r := d.hear(t); string(r.Body) != "two" {
				t.Errorf("the server got %v", r)
			}
			if r := d.hear(t); !r.Header.Stream.End || !r.Header.Stream.NoMessage || r.Header.Stream.Sent != 2 {
				t.Errorf("the half-close is %v", r)
			}
			if err := d.send(t, "late"); !errors.Is(err, ErrStreamClosed) {
				t.Errorf("Send behind CloseSend: %v", err)
			}
			d.say("", "still", streamMark)
			d.want(t, "still")
		},
		"cancel": func(t *testing.T, d *dealerTalk) {
			d.Cancel(errGone)
			d.Cancel(errors.New("again"))
			d.wantCancel(t)
			if end := d.wantOver(t); end.Err != errGone {
				t.Errorf("the end is %v", end)
			}
		},
		"frames behind the end": func(t *testing.T, d *dealerTalk) {
			d.say("", "reply")
			d.wantOver(t)
			d.say("", "late", streamMark)
			d.say("", "again")
			first := d.DealerStream
			next, err := d.dealer.OpenStream(testkit.Within(t), nil, testStart{}, testkit.Patience())
			if err != nil {
				t.Fatal(err)
			}
			d.DealerStream, d.call = next, string(d.server.Message()[0])
			d.say("", "of the next", streamMark)
			d.want(t, "of the next") // so what is late has come
			if end, _ := first.End(); string(end.Reply.Body) != "reply" {
				t.Errorf("the end is %v", end)
			}
		},
		"credit is used up": func(t *testing.T, d *dealerTalk) {
			for i := range wire.FirstMessages - 1 { // the start is one
				if err := d.send(t, fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(testkit.Within(t))
			cancel()
			m := text("waits")
			if err := d.Send(ctx, &m); !errors.Is(err, context.Canceled) {
				t.Fatalf("Send without credit: %v", err)
			}
			sent := make(chan error, 1)
			go func() { sent <- d.send(t, "granted") }()
			for range wire.FirstMessages - 1 {
				d.hear(t)
			}
			d.grant(wire.FirstMessages+1, 0)
			if err := testkit.Receive(t, sent, "the end of Send"); err != nil {
				t.Error(err)
			}
			if r := d.hear(t); string(r.Body) != "granted" {
				t.Errorf("the server got %v", r)
			}
		},
		"grant": func(t *testing.T, d *dealerTalk) {
			for range wire.FirstMessages {
				d.say("", "x", streamMark)
			}
			for range wire.FirstMessages {
				d.want(t, "x")
			}
			if r := d.hear(t); !r.Header.Stream.NoMessage || r.Header.Stream.Messages <= wire.FirstMessages {
				t.Errorf("the server got %v, want credit", r)
			}
		},
		"the server goes beyond its credit": func(t *testing.T, d *dealerTalk) {
			for range wire.FirstMessages + 1 {
				d.say("", "x", streamMark)
			}
			d.wantCancel(t)
			for range wire.FirstMessages {
				d.want(t, "x")
			}
			if end := d.wantOver(t); end.Err == nil {
				t.Error("the end has no error")
			}
		},
		"too large": func(t *testing.T, d *dealerTalk) {
			d.say("", strings.Repeat("x", 1<<20+1), streamMark)
			d.wantCancel(t)
			var size *zmtp.SizeError
			if end := d.wantOver(t); !errors.As(end.Err, &size) {
				t.Errorf("the end is %v", end)
			}
		},
		"the connection is lost": func(t *testing.T, d *dealerTalk) {
			d.say("", "last", streamMark)
			d.want(t, "last")
			d.server.Close()
			var lost *LostError
			if end := d.wantOver(t); !errors.As(end.Err, &lost) || end.Unsent {
				t.Errorf("the end is %v", end)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { run(t, openDealerTalk(t)) })
	}
}
