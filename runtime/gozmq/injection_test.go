package gozmq

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// forged is what a peer sends to have a second line, or a color, in our log.
const forged = "x\x00y\nlevel=INFO msg=forged\r\x1b[31m\u202e\u2028\xff"

// wantLine checks that text can be printed within a line.
func wantLine(t *testing.T, what, text string) {
	t.Helper()
	for _, r := range text {
		if !strconv.IsPrint(r) {
			t.Errorf("%s has %q: %q", what, r, text)
			return
		}
	}
}

// A plainHandler is a slog.Handler that escapes nothing.
type plainHandler struct {
	mu    sync.Mutex
	lines []string
}

func (h *plainHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h *plainHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *plainHandler) WithGroup(string) slog.Handler            { return h }
func (h *plainHandler) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "stack" {
			line += " " + a.Key + "=" + a.Value.String()
		}
		return true
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, line)
	return nil
}

// hostileTalks are what a hostile peer of that type says, each on a connection.
func hostileTalks(as zmtp.SocketType) map[string][]byte {
	talks := map[string][]byte{
		"greeting":      []byte(forged + strings.Repeat(forged, 9)),
		"mechanism":     zmtptest.Greeting(3, 1, forged[:20]),
		"socket type":   zmtptest.Hello(forged),
		"property":      zmtptest.Hello(as, forged, forged),
		"identity":      zmtptest.Hello(as, "Identity", forged),
		"role":          zmtptest.Hello(as, zmtp.PropertyGozmq, "1", zmtp.PropertyRole, forged),
		"limit":         zmtptest.Hello(as, zmtp.PropertyGozmq, "1", zmtp.PropertyMaxSize, forged),
		"handshake":     zmtptest.Join(zmtptest.Greeting(3, 1, "NULL"), zmtp.AppendCommand(nil, forged, []byte(forged))),
		"refusal":       zmtptest.Join(zmtptest.Greeting(3, 1, "NULL"), zmtp.AppendCommand(nil, zmtp.CommandError, zmtp.ErrorBody(forged))),
		"command":       zmtptest.Join(zmtptest.Hello(as), zmtp.AppendCommand(nil, forged, []byte(forged))),
		"error command": zmtptest.Join(zmtptest.Hello(as), zmtp.AppendCommand(nil, zmtp.CommandError, zmtp.ErrorBody(forged))),
		"subscribe":     zmtptest.Join(zmtptest.Hello(as), zmtp.AppendCommand(nil, zmtp.CommandSubscribe, []byte(forged)), zmtp.AppendCommand(nil, zmtp.CommandCancel, []byte(forged))),
		"old subscribe": zmtptest.Join(zmtptest.Hello(as), zmtptest.Message("\x01"+forged), zmtptest.Message("\x00"+forged), zmtptest.Message(forged)),
	}
	for n := 1; n <= 6; n++ {
		frames := make([]string, n)
		for i := range frames {
			frames[i] = forged
		}
		messages := zmtptest.Message(frames...)
		for empty := range frames { // envelopes
			with := append([]string(nil), frames...)
			with[empty] = ""
			messages = append(messages, zmtptest.Message(with...)...)
		}
		for _, verb := range []string{"CREDIT", "TASK", "DONE", "FAIL", "REJECT", "EXTEND", "RETURN", "RESULT", "ACK", "ALIVE", "STOP", squareMethod.Procedure, sureMethod.Procedure, "weather/x/temperature"} {
			with := append([]string(nil), frames...)
			with[0] = verb
			messages = append(messages, zmtptest.Message(with...)...)
		}
		talks["messages of "+strconv.Itoa(n)] = zmtptest.Join(zmtptest.Hello(as, zmtp.PropertyGozmq, "1"), messages)
	}
	return talks
}

// TestLogInjection has hostile peers talk to every role. Nothing that they send
// comes raw out of an event, its error or the log.
func TestLogInjection(t *testing.T) {
	log := new(plainHandler)
	events := newRecorder()
	write := LogEvents(slog.New(log))
	option := WithEventHandler(func(e Event) {
		write(e)
		events.Record(e)
	})
	bind := Bind("tcp://127.0.0.1:*")
	nobody := Connect("inproc://" + t.Name())
	follow(t, func(ctx context.Context) seq[*reading] {
		return Subscribe[reading](ctx, subscriber(t, nobody), []stationFilter{})
	})
	sub, k, sure := subscriber(t, bind, option), sink(t, bind, option), sink(t, bind, DeliveryAtLeastOnce, option)
	follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, sub, []stationFilter{}) })
	follow(t, func(ctx context.Context) seq[*number] { return Results[number](ctx, k, squareMethod) })
	follow(t, func(ctx context.Context) seq[*number] { return Results[number](ctx, sure, sureMethod) })
	between := func(pattern Pattern) *Proxy { // some of what hostile peers say nobody takes
		p, err := NewProxy(pattern, Front(bind), Back(bind), option, WithLinger(0))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		return p
	}
	calls, streams, tasks := between(PatternReqRep), between(PatternPubSub), between(PatternPushPull)
	for _, at := range []struct {
		endpoint string
		as       zmtp.SocketType
	}{
		{serve(t, bind, echoHandlers(), option).addr(), zmtp.Dealer},
		{dial(t, bind, option).Addrs()[0], zmtp.Router},
		{publisher(t, bind, option).Addrs()[0], zmtp.Sub},
		{sub.Addrs()[0], zmtp.Pub},
		{ventilator(t, bind, option).Addrs()[0], zmtp.Pull},
		{ventilator(t, bind, DeliveryAtLeastOnce, option).Addrs()[0], zmtp.Dealer},
		{k.Addrs()[0], zmtp.Push},
		{sure.Addrs()[0], zmtp.Dealer},
		{work(t, squaring(squares), From(bind), To(nobody), option).Addrs()[0], zmtp.Push},
		{work(t, surely(squares), From(bind), To(nobody), option).Addrs()[0], zmtp.Router},
		{calls.FrontAddrs()[0], zmtp.Dealer}, {calls.BackAddrs()[0], zmtp.Router},
		{streams.FrontAddrs()[0], zmtp.XPub}, {streams.BackAddrs()[0], zmtp.XSub},
		{tasks.FrontAddrs()[0], zmtp.Push}, {tasks.BackAddrs()[0], zmtp.Pull},
	} {
		ep, err := transport.ParseConnect(at.endpoint)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, in := range hostileTalks(at.as) {
			p := zmtptest.Dial(t, ep)
			wg.Go(func() {
				defer p.Close()
				_ = p.Conn.SetDeadline(time.Now().Add(testkit.Stretch(time.Second)))
				wrote := make(chan struct{})
				go func() {
					defer close(wrote)
					_, _ = p.Write(in)
				}()
				_, _ = io.CopyN(io.Discard, p.Conn, 64) // our greeting
				<-wrote
			})
		}
		wg.Wait()
	}
	testkit.Eventually(t, "events", func() bool {
		return events.count(EventHandshakeFailed) >= 50 && events.count(EventMalformed) >= 50 && events.count(EventSubscribed) > 0
	})
	for _, e := range events.all() {
		wantLine(t, "an event", e.String())
		wantLine(t, "a peer", e.Peer)
		if e.Err != nil {
			wantLine(t, "an error", e.Err.Error())
		}
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	for _, line := range log.lines {
		wantLine(t, "the log", line)
	}
	kinds := make(map[EventKind]int)
	for _, k := range events.kinds() {
		kinds[k]++
	}
	t.Logf("events: %v", kinds)
}

// TestErrorInjection has a server answer with a message for the log. Message has it
// as it is, and no text of an error does, however it is wrapped.
func TestErrorInjection(t *testing.T) {
	s := serve(t, Bind("inproc://"+t.Name()), failing(Errorf(CodeAborted, "%s", forged)))
	for name, wrap := range map[string]func(error) error{
		"as it is":               func(err error) error { return err },
		"wrapped by interceptor": func(err error) error { return wrapped{err} },
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, Connect(s.addr()), WithInterceptors(func(ctx context.Context, _ *CallInfo, req proto.Message, next Next) (proto.Message, error) {
				reply, err := next(ctx, req)
				return reply, wrap(err)
			}))
			_, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes([]byte("x")))
			wantCode(t, err, CodeAborted, `x\x00y\n`)
			wantLine(t, "the error", err.Error())
			if e := asError(err); !strings.Contains(e.Message, "x\x00y\nlevel=INFO") {
				t.Errorf("the message is %q", e.Message)
			}
		})
	}
}

type wrapped struct{ error }

func (w wrapped) Error() string { return "wrapped: " + w.error.Error() }
func (w wrapped) Unwrap() error { return w.error }
