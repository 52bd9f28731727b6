package gozmq

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A trace is what happened, in order.
type trace struct {
	mu    sync.Mutex
	steps []string
}

func (r *trace) add(step string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, step)
}

// interceptor notes its name before and after the call.
func (r *trace) interceptor(name string) Interceptor {
	return func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
		r.add(name + ">")
		defer r.add("<" + name)
		return next(ctx, req)
	}
}

func TestInterceptorOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		var r trace
		handlers := []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
			r.add("handler")
			return req, nil
		})}
		_, c := s.pair(t, handlers,
			[]ServerOption{WithInterceptors(r.interceptor("s1"), r.interceptor("s2")), WithInterceptors(r.interceptor("s3"))},
			[]DialOption{WithInterceptors(r.interceptor("c1")), WithInterceptors(), WithInterceptors(r.interceptor("c2"), r.interceptor("c3"))})
		mustEcho(t, c)
		want := "c1> c2> c3> s1> s2> s3> handler <s3 <s2 <s1 <c3 <c2 <c1"
		if got := strings.Join(r.steps, " "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestInterceptorChanges(t *testing.T) {
	type key struct{}
	mark := func(req proto.Message, what string) proto.Message {
		return wrapperspb.Bytes(append(slices.Clone(req.(*bytez).GetValue()), what...))
	}
	around := func(what string) Interceptor {
		return func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
			reply, err := next(context.WithValue(ctx, key{}, what), mark(req, what))
			if err != nil {
				return nil, err
			}
			return mark(reply, strings.ToUpper(what)), nil
		}
	}
	s := serve(t, Bind("inproc://"+t.Name()), []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
		return req, nil
	})}, WithInterceptors(around("s"), func(ctx context.Context, _ *CallInfo, req proto.Message, next Next) (proto.Message, error) {
		return next(ctx, mark(req, ctx.Value(key{}).(string)+CallInfoFromContext(ctx).Method.Procedure[:1]))
	}))
	c := dial(t, Connect(s.addr()), WithInterceptors(around("c")))
	reply, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes([]byte("_")))
	if got, want := string(reply.GetValue()), "_csstSC"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestInterceptorAnswers(t *testing.T) {
	answer := func(m proto.Message, err error) Interceptor {
		return func(context.Context, *CallInfo, proto.Message, Next) (proto.Message, error) { return m, err }
	}
	tests := []struct {
		name string
		i    Interceptor
		want string
		code Code
		part string
	}{
		{"reply", answer(wrapperspb.Bytes([]byte("mine")), nil), "mine", 0, ""},
		{"coded error", answer(nil, Errorf(CodePermissionDenied, "no entry")), "", CodePermissionDenied, "no entry"},
		{"uncoded error", answer(nil, errors.New("no entry")), "", CodeUnknown, "no entry"},
		{"reply beside an error", answer(wrapperspb.Bytes([]byte("mine")), Errorf(CodeAborted, "x")), "", CodeAborted, "x"},
	}
	for _, tt := range tests {
		for _, side := range []string{"client", "server"} {
			t.Run(tt.name+" on the "+side, func(t *testing.T) {
				var server []ServerOption
				var client []DialOption
				if side == "client" {
					client = append(client, WithInterceptors(tt.i))
				} else {
					server = append(server, WithInterceptors(tt.i))
				}
				never := []Handler{Handle(echoMethod, func(context.Context, *bytez) (*bytez, error) {
					t.Error("the handler was called")
					return nil, nil
				})}
				s := serve(t, Bind("inproc://"+t.Name()), never, server...)
				reply, err := Call[bytez](testkit.Within(t), dial(t, append(client, Connect(s.addr()))...), echoMethod, wrapperspb.Bytes(nil))
				if tt.code != 0 {
					wantCode(t, err, tt.code, tt.part)
					if !errors.As(err, new(*Error)) {
						t.Errorf("got %T, want an *Error", err)
					}
				} else if err != nil || string(reply.GetValue()) != tt.want {
					t.Errorf("got %q, %v", reply.GetValue(), err)
				}
			})
		}
	}
}

// An interceptor that answers with a message of another type is at fault, and
// told so.
func TestInterceptorAnswersWithAnotherType(t *testing.T) {
	other := func(context.Context, *CallInfo, proto.Message, Next) (proto.Message, error) {
		return wrapperspb.Int64(7), nil
	}
	t.Run("client", func(t *testing.T) {
		s := serve(t, Bind("inproc://"+t.Name()), echoHandlers())
		c := dial(t, Connect(s.addr()), WithInterceptors(other))
		wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeInternal, "Int64Value", "BytesValue")
	})
	t.Run("server", func(t *testing.T) {
		s := serve(t, Bind("inproc://"+t.Name()), echoHandlers(), WithInterceptors(other))
		c := dial(t, Connect(s.addr()))
		wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeInternal)
	})
}

// An interceptor may make the call several times.
func TestInterceptorRetries(t *testing.T) {
	calls := 0
	s := serve(t, Bind("inproc://"+t.Name()), []Handler{Handle(echoMethod, func(_ context.Context, req *bytez) (*bytez, error) {
		if calls++; calls < 3 {
			return nil, Errorf(CodeAborted, "again")
		}
		return req, nil
	})})
	c := dial(t, Connect(s.addr()), WithInterceptors(func(ctx context.Context, _ *CallInfo, req proto.Message, next Next) (proto.Message, error) {
		for {
			if reply, err := next(ctx, req); CodeOf(err) != CodeAborted {
				return reply, err
			}
		}
	}))
	mustEcho(t, c)
	if calls != 3 {
		t.Errorf("%d calls were made, want 3", calls)
	}
}

func TestCallInfo(t *testing.T) {
	if CallInfoFromContext(t.Context()) != nil {
		t.Error("a context that is not of a call has a CallInfo")
	}
	everywhere(t, func(t *testing.T, s site) {
		infos := make(chan *CallInfo, 3)
		note := WithInterceptors(func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
			infos <- call
			return next(ctx, req)
		})
		_, c := s.pair(t, []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
			infos <- CallInfoFromContext(ctx)
			return req, nil
		})}, []ServerOption{note}, []DialOption{note})
		mustEcho(t, c)
		client, server, handler := <-infos, <-infos, <-infos
		if client.Operation != OperationCall || client.Peer != nil || client.Method != echoMethod {
			t.Errorf("the client's interceptor is told %+v", client)
		}
		if server.Operation != OperationServe || server.Method != echoMethod || server != handler {
			t.Errorf("the server's interceptor is told %+v, the handler %+v", server, handler)
		}
	})
}
