package gozmq

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"unsafe"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A served call is two fifths of what a call with small messages allocates. One
// more field of it would take the next larger size class.
func TestServedCallSize(t *testing.T) {
	if got := unsafe.Sizeof(servedCall{}); got > 256 {
		t.Errorf("a served call takes %d bytes, want at most 256", got)
	}
}

func TestCallBodies(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		_, c := s.pair(t, echoHandlers(), nil, nil)
		for _, size := range []int{0, 1, 64, 253, 254, 255, 256, 65535, 65536, 1 << 20} {
			want := bytes.Repeat([]byte{byte(size), 0, 0xff}, size/3+1)[:size]
			reply, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes(want))
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if !bytes.Equal(reply.GetValue(), want) {
				t.Fatalf("%d bytes came back as %d others", size, len(reply.GetValue()))
			}
		}
	})
}

func TestCallEmptyMessages(t *testing.T) {
	nothing := &Method{Procedure: "test.Service/Nothing"}
	everywhere(t, func(t *testing.T, s site) {
		_, c := s.pair(t, []Handler{Handle(nothing, func(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
			return &emptypb.Empty{}, nil
		})}, nil, nil)
		for range 3 {
			if _, err := Call[emptypb.Empty](testkit.Within(t), c, nothing, &emptypb.Empty{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestCallManyInFlight(t *testing.T) {
	const callers, calls = 64, 200
	everywhere(t, func(t *testing.T, s site) {
		_, c := s.pair(t, echoHandlers(), nil, nil)
		ctx := testkit.Within(t)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				for j := range calls {
					if err := callEcho(ctx, c, fmt.Sprint(i, "/", j)); err != nil {
						t.Errorf("caller %d, call %d: %v", i, j, err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// Calls that are answered in another order than they were made each get their
// own answer.
func TestCallAnsweredOutOfOrder(t *testing.T) {
	const n = 8
	everywhere(t, func(t *testing.T, s site) {
		started, release := make(chan string, n), make(map[string]chan struct{})
		for i := range n {
			release[fmt.Sprint(i)] = make(chan struct{})
		}
		_, c := s.pair(t, []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
			started <- string(req.GetValue())
			<-release[string(req.GetValue())]
			return req, nil
		})}, nil, nil)
		ctx := testkit.Within(t)
		answers := make(map[string]chan error)
		for name := range release {
			answers[name] = make(chan error, 1)
			go func() { answers[name] <- callEcho(ctx, c, name) }()
			testkit.Receive(t, started, "a call in the handler")
		}
		for i := n - 1; i >= 0; i-- {
			name := fmt.Sprint(i)
			close(release[name])
			if err := testkit.Receive(t, answers[name], "the answer of call "+name); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// One Conn serves several services, and one Conn may both bind and connect.
func TestCallSeveralEndpoints(t *testing.T) {
	c := dial(t, Bind("tcp://127.0.0.1:*", "ipc://*"))
	for _, addr := range c.Addrs() {
		serve(t, Connect(addr), echoHandlers())
	}
	bound := serve(t, Bind("tcp://127.0.0.1:*", "ipc://*"), echoHandlers())
	if got := len(bound.Addrs()); got != 2 {
		t.Fatalf("server has %d addresses, want 2", got)
	}
	both := dial(t, Connect(bound.Addrs()...), Bind("ipc://*"))
	mustEcho(t, c)
	mustEcho(t, both)
}
