package gozmqzap

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/leak"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// dial returns a client and the handler that it is connected to.
func dial(t *testing.T) (*Client, *zmtptest.Peer) {
	t.Helper()
	l := zmtptest.Listen(t)
	c, err := Dial(gozmq.Connect(l.Endpoint.String()), gozmq.WithLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, l.NextAs("ROUTER")
}

type decision struct {
	id  *gozmq.AuthIdentity
	err error
}

func ask(ctx context.Context, c *Client, r *gozmq.AuthRequest) <-chan decision {
	done := make(chan decision, 1)
	go func() {
		id, err := c.Authenticate(ctx, r)
		done <- decision{id, err}
	}()
	return done
}

// TestRequest checks the frames of a request against RFC 27.
func TestRequest(t *testing.T) {
	c, handler := dial(t)
	key := gozmq.PublicKey{1, 2, 3}
	for _, tt := range []struct {
		request *gozmq.AuthRequest
		want    []string // behind the request's number
	}{
		{&gozmq.AuthRequest{Mechanism: gozmq.MechanismNull, Domain: "test", Address: "192.0.2.7:51034"},
			[]string{"test", "192.0.2.7", "", "NULL"}},
		{&gozmq.AuthRequest{Mechanism: gozmq.MechanismPlain, Address: "ipc", User: "ada", Password: "lovelace"},
			[]string{"", "ipc", "", "PLAIN", "ada", "lovelace"}},
		{&gozmq.AuthRequest{Mechanism: gozmq.MechanismCurve, Address: "[2001:db8::7]:1", PublicKey: key, Metadata: map[string]string{"Identity": "me"}},
			[]string{"", "2001:db8::7", "me", "CURVE", string(key[:])}},
	} {
		done := ask(testkit.Within(t), c, tt.request)
		envelope, frames := requested(t, handler)
		if !slices.Equal(frames, tt.want) {
			t.Errorf("%s: the request is %q, want %q", tt.request.Mechanism, frames, tt.want)
		}
		handler.Send(zmtptest.Message(append(envelope, "200", "OK", "ada", "\x04role\x00\x00\x00\x05admin")...))
		got := testkit.Receive(t, done, "a decision")
		if got.err != nil || got.id.Name != "ada" || got.id.Metadata["role"] != "admin" {
			t.Errorf("%s: got %+v, %v", tt.request.Mechanism, got.id, got.err)
		}
	}
}

func TestRefusals(t *testing.T) {
	c, handler := dial(t)
	for name, tt := range map[string]struct {
		reply []string // behind the request's number
		code  gozmq.Code
		text  string
	}{
		"refused":       {[]string{"400", "not today", "", ""}, gozmq.CodeUnknown, `says "not today"`},
		"later":         {[]string{"300", "busy", "", ""}, gozmq.CodeUnavailable, `could not decide: 300 "busy"`},
		"broken":        {[]string{"500", "down", "", ""}, gozmq.CodeUnavailable, `could not decide: 500 "down"`},
		"short":         {[]string{"200"}, gozmq.CodeUnavailable, "none to this request"},
		"bad metadata":  {[]string{"200", "OK", "ada", "\xff"}, gozmq.CodeUnknown, "the ZAP handler's answer"},
		"unknown state": {[]string{"", "", "", ""}, gozmq.CodeUnavailable, "could not decide"},
	} {
		done := ask(testkit.Within(t), c, &gozmq.AuthRequest{Mechanism: gozmq.MechanismNull})
		envelope, _ := requested(t, handler)
		handler.Send(zmtptest.Message(append(envelope, tt.reply...)...))
		got := testkit.Receive(t, done, "a decision")
		if got.err == nil || got.id != nil || gozmq.CodeOf(got.err) != tt.code || !strings.Contains(got.err.Error(), tt.text) {
			t.Errorf("%s: got %+v, %v, want code %v and %q", name, got.id, got.err, tt.code, tt.text)
		}
	}
}

// TestNoDecision checks that a handler that cannot be asked lets the peer try
// again.
func TestNoDecision(t *testing.T) {
	c, handler := dial(t)
	ctx, cancel := context.WithCancel(testkit.Within(t))
	done := ask(ctx, c, &gozmq.AuthRequest{Mechanism: gozmq.MechanismNull})
	handler.Message()
	cancel() // the handler says nothing
	if got := testkit.Receive(t, done, "the end"); gozmq.CodeOf(got.err) != gozmq.CodeUnavailable {
		t.Errorf("a silent handler: %v", got.err)
	}
	_, err := c.Authenticate(t.Context(), &gozmq.AuthRequest{Mechanism: gozmq.MechanismPlain, User: strings.Repeat("x", 256)})
	if gozmq.CodeOf(err) != gozmq.CodeUnavailable || !strings.Contains(err.Error(), "256 bytes") {
		t.Errorf("a user that is too long: %v", err)
	}
	if _, err := Dial(gozmq.Connect("nowhere")); err == nil || !strings.Contains(err.Error(), "zap: dial") {
		t.Errorf("a bad endpoint: %v", err)
	}
}

// requested reads a request. It returns the frames that the reply begins with,
// the empty one, the version and the request's number among them, and those
// behind them.
func requested(t *testing.T, handler *zmtptest.Peer) (envelope, frames []string) {
	t.Helper()
	for _, f := range handler.Message() {
		frames = append(frames, string(f))
	}
	end := slices.Index(frames, "") + 3
	if end < 3 || end > len(frames) || frames[end-2] != "1.0" {
		t.Fatalf("the request is %q", frames)
	}
	return slices.Clip(frames[:end]), frames[end:]
}
