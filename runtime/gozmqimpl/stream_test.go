package gozmqimpl

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

type word = wrapperspb.StringValue

var streamMethod = gozmq.Method{Procedure: "test.Service/Stream", ClientStreams: true, ServerStreams: true}

// A fakeStream is a gozmq.Stream that answers from a list and keeps what it is
// sent.
type fakeStream struct {
	replies []string
	end     error // after the replies
	sendErr error
	halfErr error

	sent   []string
	half   bool // closed for sending
	closed chan struct{}
}

func (s *fakeStream) Send(_ context.Context, m proto.Message) error {
	if s.sendErr == nil {
		s.sent = append(s.sent, m.(*word).Value)
	}
	return s.sendErr
}

func (s *fakeStream) CloseSend(context.Context) error {
	s.half = true
	return s.halfErr
}

func (s *fakeStream) Receive(ctx context.Context, m proto.Message) (more bool, err error) {
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	if len(s.replies) == 0 {
		return false, s.end
	}
	m.(*word).Value = s.replies[0]
	s.replies = s.replies[1:]
	return true, nil
}

func (s *fakeStream) Close() {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
}

func (s *fakeStream) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// A streamCaller is a gozmq.Caller that makes fakeStreams.
type streamCaller struct {
	gozmq.Caller
	make  func() *fakeStream
	calls []*fakeStream
}

func (c *streamCaller) Stream(context.Context, *gozmq.Method, ...gozmq.CallOption) gozmq.Stream {
	s := c.make()
	s.closed = make(chan struct{})
	c.calls = append(c.calls, s)
	return s
}

// collected is what a loop yields, up to most elements.
func collected(seq iter.Seq2[*word, error], most int) (values []string, errs []error) {
	for m, err := range seq {
		if err != nil {
			errs = append(errs, err)
		} else {
			values = append(values, m.Value)
		}
		if len(values)+len(errs) == most {
			break
		}
	}
	return values, errs
}

var errEnd = gozmq.Errorf(gozmq.CodeNotFound, "no such thing")

func TestServerStream(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name   string
		ctx    context.Context
		stream fakeStream
		most   int
		want   []string
		err    error
	}{
		{name: "normal end", stream: fakeStream{replies: []string{"a", "b"}}, want: []string{"a", "b"}},
		{name: "empty", stream: fakeStream{}},
		{name: "error at the end", stream: fakeStream{replies: []string{"a"}, end: errEnd}, want: []string{"a"}, err: errEnd},
		{name: "error at once", stream: fakeStream{end: errEnd}, err: errEnd},
		{name: "request not sent", stream: fakeStream{replies: []string{"a"}, sendErr: errEnd}, err: errEnd},
		{name: "left early", stream: fakeStream{replies: []string{"a", "b", "c"}}, most: 2, want: []string{"a", "b"}},
		{name: "left at the error", stream: fakeStream{end: errEnd}, most: 1, err: errEnd},
		{name: "context ended", ctx: ended, stream: fakeStream{replies: []string{"a"}}, err: context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &streamCaller{make: func() *fakeStream { s := tt.stream; return &s }}
			ctx := tt.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			seq := ServerStream[word](ctx, c, &streamMethod, wrapperspb.String("req"))
			if len(c.calls) != 0 {
				t.Fatal("a call was made before the loop began")
			}
			for n := 1; n <= 2; n++ { // each loop is a call
				values, errs := collected(seq, tt.most)
				if !slices.Equal(values, tt.want) {
					t.Errorf("got %q, want %q", values, tt.want)
				}
				if tt.err == nil && len(errs) > 0 || tt.err != nil && (len(errs) != 1 || !errors.Is(errs[0], tt.err)) {
					t.Errorf("got the errors %v, want %v", errs, tt.err)
				}
				if len(c.calls) != n {
					t.Fatalf("%d calls were made, want %d", len(c.calls), n)
				}
				s := c.calls[n-1]
				if !s.isClosed() {
					t.Error("the call goes on")
				}
				if s.sendErr == nil && !slices.Equal(s.sent, []string{"req"}) {
					t.Errorf("sent %q", s.sent)
				}
			}
		})
	}
}

// A panic of the loop's body ends the call, too.
func TestServerStreamPanic(t *testing.T) {
	c := &streamCaller{make: func() *fakeStream { return &fakeStream{replies: []string{"a"}} }}
	func() {
		defer func() { _ = recover() }()
		for range ServerStream[word](t.Context(), c, &streamMethod, wrapperspb.String("req")) {
			panic("body")
		}
	}()
	if !c.calls[0].isClosed() {
		t.Error("the call goes on")
	}
}

func TestClientStream(t *testing.T) {
	over := gozmq.Errorf(gozmq.CodeFailedPrecondition, "the call is over")
	tests := []struct {
		name   string
		stream fakeStream
		want   string
		code   gozmq.Code
	}{
		{name: "reply", stream: fakeStream{replies: []string{"sum"}}, want: "sum"},
		{name: "error", stream: fakeStream{end: errEnd}, code: gozmq.CodeNotFound},
		{name: "replied early", stream: fakeStream{replies: []string{"sum"}, halfErr: over}, want: "sum"},
		{name: "failed early", stream: fakeStream{halfErr: errEnd, end: errEnd}, code: gozmq.CodeNotFound},
		{name: "no reply", stream: fakeStream{}, code: gozmq.CodeInternal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &streamCaller{make: func() *fakeStream { return &tt.stream }}
			s := ClientStream[word, word](t.Context(), c, &streamMethod)
			for _, v := range []string{"a", "b"} {
				if err := s.Send(t.Context(), wrapperspb.String(v)); err != nil {
					t.Fatal(err)
				}
			}
			reply, err := s.CloseAndReceive(t.Context())
			if reply.GetValue() != tt.want || tt.code != 0 && gozmq.CodeOf(err) != tt.code || (err != nil) != (tt.code != 0) {
				t.Errorf("got %v, %v", reply, err)
			}
			if !slices.Equal(tt.stream.sent, []string{"a", "b"}) || !tt.stream.half || !tt.stream.isClosed() {
				t.Errorf("sent %q, half closed: %v, closed: %v", tt.stream.sent, tt.stream.half, tt.stream.isClosed())
			}
		})
	}
}

// The context of CloseAndReceive ends the wait and the call.
func TestClientStreamContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, halfErr := range []error{nil, context.Canceled} {
		fake := &fakeStream{halfErr: halfErr}
		s := ClientStream[word, word](t.Context(), &streamCaller{make: func() *fakeStream { return fake }}, &streamMethod)
		if _, err := s.CloseAndReceive(ctx); !errors.Is(err, context.Canceled) || !fake.isClosed() {
			t.Errorf("got %v, closed: %v", err, fake.isClosed())
		}
	}
}

func TestClientStreamSendError(t *testing.T) {
	fake := &fakeStream{sendErr: errEnd}
	s := ClientStream[word, word](t.Context(), &streamCaller{make: func() *fakeStream { return fake }}, &streamMethod)
	if err := s.Send(t.Context(), wrapperspb.String("a")); !errors.Is(err, errEnd) {
		t.Errorf("got %v", err)
	}
}

func TestBidiStream(t *testing.T) {
	fake := &fakeStream{replies: []string{"a", "b", "c"}, end: errEnd}
	s := BidiStream[word, word](t.Context(), &streamCaller{make: func() *fakeStream { return fake }}, &streamMethod)
	seq := s.Receive(t.Context())
	var values []string
	for m, err := range seq {
		if err != nil {
			if !errors.Is(err, errEnd) {
				t.Error(err)
			}
			continue
		}
		values = append(values, m.Value)
		if err := s.Send(t.Context(), wrapperspb.String("re "+m.Value)); err != nil {
			t.Error(err)
		}
		if m.Value == "c" {
			if err := s.CloseSend(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	if !slices.Equal(values, []string{"a", "b", "c"}) || !slices.Equal(fake.sent, []string{"re a", "re b", "re c"}) {
		t.Errorf("received %q, sent %q", values, fake.sent)
	}
	if !fake.half || !fake.isClosed() {
		t.Errorf("half closed: %v, closed: %v", fake.half, fake.isClosed())
	}
	for _, again := range []iter.Seq2[*word, error]{seq, s.Receive(t.Context())} {
		values, errs := collected(again, 0)
		if len(values) != 0 || len(errs) != 1 || gozmq.CodeOf(errs[0]) != gozmq.CodeFailedPrecondition {
			t.Errorf("a second loop gets %q, %v", values, errs)
		}
	}
}

func TestBidiStreamLeftEarly(t *testing.T) {
	fake := &fakeStream{replies: []string{"a", "b"}}
	s := BidiStream[word, word](t.Context(), &streamCaller{make: func() *fakeStream { return fake }}, &streamMethod)
	if values, errs := collected(s.Receive(t.Context()), 1); !slices.Equal(values, []string{"a"}) || errs != nil || !fake.isClosed() {
		t.Errorf("got %q, %v, closed: %v", values, errs, fake.isClosed())
	}
}

// A fakeServerStream is a bridge.ServerStream with the messages of a client.
type fakeServerStream struct {
	messages []string
	end      error
	sent     []string
	sendErr  error
}

func (s *fakeServerStream) Send(_ context.Context, m proto.Message) error {
	s.sent = append(s.sent, m.(*word).Value)
	return s.sendErr
}

func (s *fakeServerStream) Receive(m proto.Message) (more bool, err error) {
	if len(s.messages) == 0 {
		return false, s.end
	}
	m.(*word).Value = s.messages[0]
	s.messages = s.messages[1:]
	return true, nil
}

var _ bridge.ServerStream = (*fakeServerStream)(nil)

func TestHandleServerStream(t *testing.T) {
	for _, want := range []error{nil, errEnd} {
		h := HandleServerStream(&streamMethod, func(ctx context.Context, req *word, out gozmq.Sender[word]) error {
			for _, v := range strings.Fields(req.Value) {
				if err := out.Send(ctx, wrapperspb.String(v)); err != want {
					t.Errorf("Send: %v", err)
				}
			}
			return want
		})
		fake := &fakeServerStream{sendErr: want}
		reply, err := h.Stream(t.Context(), wrapperspb.String("a b c"), fake)
		if reply != nil || err != want || !slices.Equal(fake.sent, []string{"a", "b", "c"}) {
			t.Errorf("got %v, %v, sent %q", reply, err, fake.sent)
		}
		checkStreamHandler(t, h)
	}
}

func checkStreamHandler(t *testing.T, h Handler) {
	t.Helper()
	if _, ok := h.New().(*word); !ok || h.Serve != nil || h.Method != &streamMethod || h.Output != "google.protobuf.StringValue" {
		t.Errorf("the handler is %+v", h)
	}
}

func TestHandleClientStream(t *testing.T) {
	for _, end := range []error{nil, errEnd} {
		h := HandleClientStream(&streamMethod, func(_ context.Context, in iter.Seq2[*word, error]) (*word, error) {
			values, errs := collected(in, 0)
			return wrapperspb.String(strings.Join(values, "+")), errors.Join(errs...)
		})
		reply, err := h.Stream(t.Context(), nil, &fakeServerStream{messages: []string{"a", "b"}, end: end})
		if !errors.Is(err, end) {
			t.Errorf("got %v", err)
		}
		if got, _ := reply.(*word); end == nil && got.GetValue() != "a+b" || end != nil && reply != nil {
			t.Errorf("got %v", reply)
		}
		checkStreamHandler(t, h)
	}
}

// A handler that leaves its loop may go on with another one.
func TestHandleBidiStream(t *testing.T) {
	h := HandleBidiStream(&streamMethod, func(ctx context.Context, in iter.Seq2[*word, error], out gozmq.Sender[word]) error {
		first, _ := collected(in, 1)
		for m, err := range in {
			if err != nil {
				return err
			}
			if err := out.Send(ctx, wrapperspb.String(first[0]+m.Value)); err != nil {
				return err
			}
		}
		return nil
	})
	fake := &fakeServerStream{messages: []string{"a", "b", "c"}, end: errEnd}
	reply, err := h.Stream(t.Context(), nil, fake)
	if reply != nil || err != errEnd || !slices.Equal(fake.sent, []string{"ab", "ac"}) {
		t.Errorf("got %v, %v, sent %q", reply, err, fake.sent)
	}
	checkStreamHandler(t, h)
}
