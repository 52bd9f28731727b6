package gozmq

import (
	"context"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// raced reports whether the race detector is on.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// A plainWay sends a message of 64 bytes with all that it causes, and waits for
// the last of it.
type plainWay struct {
	send   func(ctx context.Context)
	out    []func() Stats // of who has sent something
	bytes  uint64         // on the wire, without metadata
	allocs float64        // of both sides together, before messages had metadata
}

// onWire returns how many bytes frames take on the wire.
func onWire(parts ...string) (n uint64) {
	for _, p := range parts {
		n += 2 + uint64(len(p))
	}
	return n
}

// quiet keeps everything else off the wire.
func quiet() EndOption { return WithHeartbeat(0, 0) }

// plainWays are those of every pattern. Nobody has an interceptor or asks for
// descriptions.
func plainWays(t *testing.T) map[string]func(t *testing.T) plainWay {
	body := wrapperspb.Bytes(make([]byte, 62))
	encoded := encode(t, body)
	return map[string]func(t *testing.T) plainWay{
		"call": func(t *testing.T) plainWay {
			s := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), quiet())
			c := dial(t, Connect(s.addr()), quiet())
			return plainWay{func(ctx context.Context) {
				if _, err := Call[bytez](ctx, c, echoMethod, body); err != nil {
					t.Error(err)
				}
			}, []func() Stats{c.Stats, s.Stats}, onWire("8 bytes:", "", echoMethod.Procedure, encoded) + onWire("8 bytes:", "", "", encoded), 7}
		},
		"publication": func(t *testing.T) plainWay {
			p := publisher(t, Bind("tcp://127.0.0.1:*"), quiet())
			s := subscriber(t, Connect(p.Addrs()...), quiet())
			topic := Topic[*bytez]{Name: "test.Feed/Bytes", Append: func(b []byte, _ *bytez) []byte { return append(b, "bytes"...) }}
			var pattern TopicPattern
			pattern.Literal("bytes")
			one, err := OpenSubscription[bytez](s, []TopicPattern{pattern}, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = one.Close() })
			ready(t, s)
			got := make(chan struct{}, 1)
			go func() {
				for range one.All(context.Background()) {
					got <- struct{}{}
				}
			}()
			return plainWay{func(ctx context.Context) {
				if err := Publish(ctx, p, &topic, body); err != nil {
					t.Error(err)
				}
				<-got
			}, []func() Stats{p.Stats}, onWire("bytes", encoded), 7}
		},
		"task": func(t *testing.T) plainWay {
			return plainTask(t, &Method{Procedure: "test.Tasks/Run"}, body, onWire("test.Tasks/Run", encoded)*2, 14)
		},
	}
}

// plainTask is the way of a task and of its result, which is as large.
func plainTask(t *testing.T, m *Method, body proto.Message, bytes uint64, allocs float64) plainWay {
	t.Helper()
	p := site{endpoint: "tcp://127.0.0.1:*"}.pipeline(t, []VentilatorOption{quiet()}, []SinkOption{quiet()})
	w := work(t, []TaskHandler{HandleTask(m, func(_ context.Context, task *bytez) (*bytez, error) { return task, nil })}, p.from, p.to, quiet())
	got := make(chan struct{}, 1)
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go func() {
		for range Results[bytez](ctx, p.Sink, m) {
			got <- struct{}{}
		}
	}()
	return plainWay{func(ctx context.Context) {
		if err := p.Push(ctx, m, body); err != nil {
			t.Error(err)
		}
		<-got
	}, []func() Stats{p.Ventilator.Stats, func() Stats { _, results := w.Stats(); return results }}, bytes, allocs}
}

// A message without metadata has not one byte more on the wire than its frames, and
// costs no more allocations than before messages had metadata, descriptions and
// interceptors.
func TestPlainMessagesCostNothing(t *testing.T) {
	for name, open := range plainWays(t) {
		t.Run(name, func(t *testing.T) {
			way := open(t)
			way.send(testkit.Within(t)) // connections, caches
			sent := func() (n uint64) {
				for _, stats := range way.out {
					n += stats().BytesOut
				}
				return n
			}
			const messages = 50
			testkit.Eventually(t, "bytes of messages alone", func() bool { // the last pongs of the begin may still come
				before := sent()
				for range messages {
					way.send(context.Background())
				}
				testkit.Eventually(t, "the bytes", func() bool { return sent() >= before+messages*way.bytes })
				return sent()-before == messages*way.bytes
			})
			if raced() {
				return // pools are not what they are
			}
			ctx := context.Background()
			n := testing.AllocsPerRun(500, func() { way.send(ctx) })
			if t.Logf("%v allocations, %d bytes", n, way.bytes); n > way.allocs {
				t.Errorf("a message costs %v allocations, want at most %v", n, way.allocs)
			}
		})
	}
}

// A message of a stream costs no allocation more when the interceptors of both
// sides do not look at messages.
func TestUnusedStreamInterceptorsCostNothing(t *testing.T) {
	var started atomic.Int32
	ignoring := WithInterceptors(func(ctx context.Context, _ *CallInfo, req proto.Message, next Next) (proto.Message, error) {
		started.Add(1)
		return next(ctx, req)
	})
	roundTrip := func(server []ServerOption, client []DialOption) float64 {
		_, c := here.pair(t, echoing(), append(server, quiet()), append(client, quiet()))
		s := c.Stream(testkit.Within(t), chatMethod)
		defer s.Close()
		body, into := wrapperspb.Bytes(make([]byte, 62)), new(bytez)
		ctx := context.Background()
		return testing.AllocsPerRun(500, func() {
			if err := s.Send(ctx, body); err != nil {
				t.Fatal(err)
			}
			if more, err := s.Receive(ctx, into); !more {
				t.Fatal(err)
			}
		})
	}
	without := roundTrip(nil, nil)
	with := roundTrip([]ServerOption{ignoring}, []DialOption{ignoring})
	if n := started.Load(); n != 2 {
		t.Errorf("%d interceptors were called, want 2", n)
	}
	if t.Logf("%v allocations, %v with interceptors", without, with); !raced() && with > without {
		t.Errorf("a round trip costs %v allocations with interceptors that ignore messages, %v without", with, without)
	}
}
