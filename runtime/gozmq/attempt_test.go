package gozmq

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
)

// attempts collects the attempts of a Conn's calls.
type attempts struct {
	mu   sync.Mutex
	list []Attempt
}

// option follows the attempts of all calls of a Conn.
func (a *attempts) option() EndOption {
	return WithInterceptors(func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
		call.OnAttempt(func(one *Attempt) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.list = append(a.list, *one)
		})
		return next(ctx, req)
	})
}

// all returns the attempts so far, as they began.
func (a *attempts) all() []Attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := slices.Clone(a.list)
	slices.SortFunc(list, func(a, b Attempt) int { return a.Number - b.Number })
	return list
}

// want waits for attempts that are described so: number, reason, outcome, and which
// end the peer is at; "-" for none. The outcome "race" is of attempts that may
// begin, and that a server may run, in any order: one is ok, and the others are
// canceled.
func (a *attempts) want(t *testing.T, begun time.Time, want ...string) []Attempt {
	t.Helper()
	testkit.Eventually(t, fmt.Sprint(len(want), " attempts"), func() bool { return len(a.all()) >= len(want) })
	list := a.all()
	var got []string
	race := slices.ContainsFunc(want, func(s string) bool { return strings.Contains(s, " race ") })
	won := 0
	for i, one := range list {
		outcome, peer := "ok", "-"
		if one.Err != nil {
			outcome = CodeOf(one.Err).String()
		} else {
			won++
		}
		if race && (outcome == "ok" || outcome == "canceled") {
			outcome = "race"
		}
		if one.Peer != nil {
			peer = one.Peer.SocketType
		}
		got = append(got, fmt.Sprintf("%d %s %s %s", i+1, one.Reason, outcome, peer))
		if one.Number != i+1 {
			t.Errorf("attempt %d has the number %d", i+1, one.Number)
		}
		if one.Start.Before(begun) || one.Duration <= 0 || one.Start.Add(one.Duration).After(time.Now()) {
			t.Errorf("attempt %d began at %v and took %v", one.Number, one.Start, one.Duration)
		}
	}
	if race {
		got, want = reasons(got), reasons(want)
	}
	if !slices.Equal(got, want) || race && won != 1 {
		t.Errorf("attempts\n\t%s\nwant\n\t%s\n%d were ok", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"), won)
	}
	return list
}

// reasons returns descriptions of attempts without their numbers, sorted.
func reasons(attempts []string) (list []string) {
	for _, one := range attempts {
		_, reason, _ := strings.Cut(one, " ")
		list = append(list, reason)
	}
	slices.Sort(list)
	return list
}

// flaky serves a call and a stream whose first attempts fail or hang.
func flaky(unary, streamed *Method, first int32, fail func(ctx context.Context) error) []Handler {
	var calls atomic.Int32
	turn := func(ctx context.Context) error {
		if calls.Add(1) <= first {
			return fail(ctx)
		}
		return nil
	}
	return []Handler{
		Handle(unary, func(ctx context.Context, req *bytez) (*bytez, error) { return req, turn(ctx) }),
		streamHandler(streamed, func(ctx context.Context, req *bytez, s ServerStream) (*bytez, error) {
			if err := turn(ctx); err != nil {
				return nil, err
			}
			return nil, s.Send(ctx, req)
		}),
	}
}

// makeCall makes a call, or a stream with one message.
func makeCall(t *testing.T, c *Conn, m *Method, opts ...CallOption) error {
	ctx := testkit.Within(t)
	if !m.ServerStreams {
		_, err := Call[bytez](ctx, c, m, textOf("x"), opts...)
		return err
	}
	s := c.Stream(ctx, m, opts...)
	err := s.Send(ctx, textOf("x"))
	for more := true; more && err == nil; {
		more, err = s.Receive(ctx, new(bytez))
	}
	return err
}

// TestAttempts: an interceptor of a client sees each attempt of a call or a stream,
// why it was made, who had it, and how it ended.
func TestAttempts(t *testing.T) {
	unary := &Method{Procedure: "test.Service/Unary", Idempotency: IdempotencyIdempotent, MaxAttempts: 3}
	streamed := &Method{Procedure: "test.Service/Streamed", Idempotency: IdempotencyIdempotent, MaxAttempts: 3, ServerStreams: true}
	notNow := func(context.Context) error { return Errorf(CodeUnavailable, "not now") }
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for _, m := range []*Method{unary, streamed} {
		for _, tt := range []struct {
			name  string
			first int32
			fail  func(context.Context) error
			opts  []CallOption
			code  Code
			want  []string
		}{
			{"one", 0, nil, nil, 0, []string{"1 first ok ROUTER"}},
			{"one that fails", 1, func(context.Context) error { return Errorf(CodeNotFound, "no") }, nil, CodeNotFound, []string{"1 first not_found ROUTER"}},
			{"retries", 2, notNow, nil, 0, []string{"1 first unavailable ROUTER", "2 retry unavailable ROUTER", "3 retry ok ROUTER"}},
			{"a retry too few", 3, notNow, nil, CodeUnavailable, []string{"1 first unavailable ROUTER", "2 retry unavailable ROUTER", "3 retry unavailable ROUTER"}},
			{"hedges", 2, hang, []CallOption{WithHedging(3, 5*time.Millisecond)}, 0, []string{"1 first race ROUTER", "2 hedge race ROUTER", "3 hedge race ROUTER"}},
		} {
			t.Run(m.Procedure+"/"+tt.name, func(t *testing.T) {
				var seen attempts
				begun := time.Now()
				_, c := here.pair(t, flaky(unary, streamed, tt.first, tt.fail), nil, []DialOption{seen.option()})
				if err := makeCall(t, c, m, tt.opts...); CodeOf(err) != tt.code {
					t.Errorf("the call ended with %v, want code %v", err, tt.code)
				}
				for _, one := range seen.want(t, begun, tt.want...) {
					if one.Peer.Endpoint == "" || one.Peer.Address == "" {
						t.Errorf("the peer is %+v", one.Peer)
					}
				}
			})
		}
	}
}

// TestAttemptsWithoutServer: who waits for a server in vain has no peer.
func TestAttemptsWithoutServer(t *testing.T) {
	for _, m := range []*Method{echoMethod, watchMethod} {
		var seen attempts
		begun := time.Now()
		c := dial(t, Connect("inproc://"+t.Name()), WithReadyTimeout(time.Millisecond), seen.option())
		wantCode(t, makeCall(t, c, m), CodeUnavailable)
		seen.want(t, begun, "1 first unavailable -")
	}
}

// TestAttemptsElsewhere: when a server is stopping, or goes, the next attempt is a
// failover to another one.
func TestAttemptsElsewhere(t *testing.T) {
	safe := *echoMethod
	safe.Idempotency = IdempotencyIdempotent
	safeWatch := *watchMethod
	safeWatch.Idempotency = IdempotencyIdempotent
	for _, tt := range []struct {
		name  string
		m     *Method
		leave func(p *rawPeer, request []string)
	}{
		{"call/stopping", echoMethod, refuseStopping},
		{"call/gone", &safe, func(p *rawPeer, _ []string) { p.Close() }},
		{"stream/stopping", watchMethod, refuseStopping},
		{"stream/gone", &safeWatch, func(p *rawPeer, _ []string) { p.Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var seen attempts
			begun := time.Now()
			c := dial(t, Bind(here.endpoint), seen.option())
			leaving := dialRaw(t, c.Addrs()[0], "ROUTER")
			done := make(chan error, 1)
			go func() { done <- makeCall(t, c, tt.m) }()
			request := leaving.recv()
			other := serve(t, Connect(c.Addrs()[0]), append(echoHandlers(), watching(func(ctx context.Context, req *bytez, s ServerStream) error {
				return s.Send(ctx, req)
			})...))
			if err := c.WaitForServers(testkit.Within(t), 2); err != nil {
				t.Fatal(err)
			}
			tt.leave(leaving, request)
			if err := testkit.Receive(t, done, "the end of the call"); err != nil {
				t.Fatal(err)
			}
			list := seen.want(t, begun, "1 first unavailable ROUTER", "2 failover ok ROUTER")
			if peers := other.Stats().Peers; len(peers) != 1 || list[0].Peer.Address == list[1].Peer.Address {
				t.Errorf("the attempts went to %s and %s", list[0].Peer.Address, list[1].Peer.Address)
			}
		})
	}
}

// refuseStopping answers that the server is stopping.
func refuseStopping(p *rawPeer, request []string) {
	p.send(request[0], "", string(encodeStatus(Errorf(CodeUnavailable, "stopping"), 1000)), "", "\x18\x01")
}

// TestAttemptsOfAbandonedStream: an attempt has ended when next returns, also when
// the caller leaves.
func TestAttemptsOfAbandonedStream(t *testing.T) {
	var seen attempts
	begun := time.Now()
	after := make(chan int, 1)
	count := WithInterceptors(func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
		reply, err := next(ctx, req)
		after <- len(seen.all())
		return reply, err
	})
	_, c := here.pair(t, watching(func(ctx context.Context, req *bytez, s ServerStream) error {
		_ = s.Send(ctx, req)
		<-ctx.Done()
		return ctx.Err()
	}), nil, []DialOption{count, seen.option()})
	s := c.Stream(testkit.Within(t), watchMethod)
	mustSend(t, s, "x")
	wantMessage(t, s, "x")
	s.Close()
	if n := testkit.Receive(t, after, "the end of next"); n != 1 {
		t.Errorf("%d attempts when next has returned, want 1", n)
	}
	seen.want(t, begun, "1 first canceled ROUTER")
}

// TestAttemptsOfServers: a server has none to follow.
func TestAttemptsOfServers(t *testing.T) {
	info := CallInfo{Operation: OperationServe}
	info.OnAttempt(func(*Attempt) {})
	if info.trace() != nil {
		t.Error("a server follows attempts")
	}
}
