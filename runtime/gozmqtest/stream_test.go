package gozmqtest_test

import (
	"testing"

	chatv1 "github.com/gozmq/gozmq/example/gen/chat/v1"
	"github.com/gozmq/gozmq/example/gen/chat/v1/chatv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// watched counts the lines of a stream of five, and returns its error.
func watched(t *testing.T, c gozmq.Caller) (n int, end error) {
	t.Helper()
	for _, err := range chatv1gozmq.NewRoomClient(c).Watch(testkit.Within(t), &chatv1.WatchRequest{Last: 5}) {
		if end = err; err == nil {
			n++
		}
	}
	return n, end
}

// uploaded sends three lines, and returns what the server has counted.
func uploaded(t *testing.T, c gozmq.Caller) (n int, err error) {
	t.Helper()
	ctx := testkit.Within(t)
	s := chatv1gozmq.NewRoomClient(c).Upload(ctx)
	for range 3 {
		if err := s.Send(ctx, &chatv1.Line{}); err != nil {
			return 0, err
		}
	}
	summary, err := s.CloseAndReceive(ctx)
	return int(summary.GetLines()), err
}

// Faults meet streams in memory from the client's side, and from either side as an
// interceptor.
func TestFaultsStreamOverConn(t *testing.T) {
	for name, faulty := range map[string]func(t *testing.T, f *gozmqtest.Faults) gozmq.Caller{
		"caller": func(t *testing.T, f *gozmqtest.Faults) gozmq.Caller {
			f.Caller = gozmqtest.NewConn(t, registerRoom)
			return f
		},
		"client": func(t *testing.T, f *gozmqtest.Faults) gozmq.Caller {
			addrs := gozmqtest.Serve(t, registerRoom, gozmq.Bind(gozmqtest.Endpoint()))
			return gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...), gozmq.WithInterceptors(f.Intercept))).For(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &gozmqtest.Faults{}
			c := faulty(t, f)
			if n, err := watched(t, c); n != 5 || err != nil {
				t.Errorf("without faults: %d lines, %v", n, err)
			}
			if n, err := uploaded(t, c); n != 3 || err != nil {
				t.Errorf("without faults: %d lines, %v", n, err)
			}
			f.FailReceive(chatv1gozmq.RoomWatchProcedure, 2, errFault)
			if n, err := watched(t, c); n != 2 || gozmq.CodeOf(err) != gozmq.CodeDataLoss {
				t.Errorf("FailReceive: %d lines, %v", n, err)
			}
			f.FailSend(chatv1gozmq.RoomUploadProcedure, 1, errFault)
			if n, err := uploaded(t, c); n != 0 || gozmq.CodeOf(err) != gozmq.CodeDataLoss {
				t.Errorf("FailSend: %d lines, %v", n, err)
			}
			f.Fail("", errFault)
			if n, err := watched(t, c); n != 0 || gozmq.CodeOf(err) != gozmq.CodeDataLoss {
				t.Errorf("Fail: %d lines, %v", n, err)
			}
			if got := f.Calls(chatv1gozmq.RoomWatchProcedure); got != 3 {
				t.Errorf("%d calls are counted, want 3", got)
			}
		})
	}
}

// On a server's side, it is the server that sends the lines of a Watch.
func TestFaultsStreamInServer(t *testing.T) {
	f := &gozmqtest.Faults{}
	f.FailSend(chatv1gozmq.RoomWatchProcedure, 3, errFault)
	f.FailReceive(chatv1gozmq.RoomUploadProcedure, 1, errFault)
	addrs := gozmqtest.Serve(t, registerRoom, gozmq.Bind(gozmqtest.Endpoint()), gozmq.WithInterceptors(f.Intercept))
	c := gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...))).For(t)
	if n, err := watched(t, c); n != 3 || gozmq.CodeOf(err) != gozmq.CodeDataLoss {
		t.Errorf("FailSend: %d lines, %v", n, err)
	}
	if n, err := uploaded(t, c); n != 0 || gozmq.CodeOf(err) != gozmq.CodeDataLoss {
		t.Errorf("FailReceive: %d lines, %v", n, err)
	}
}
