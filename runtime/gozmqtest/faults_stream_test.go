package gozmqtest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

var echoMethod = gozmq.Method{Procedure: "test.Service/Echo", ClientStreams: true, ServerStreams: true}

// An echoCaller is a gozmq.Caller without a network. Its streams return what they
// are sent.
type echoCaller struct {
	gozmq.Caller
	streams []*echoStream
}

func (e *echoCaller) Stream(context.Context, *gozmq.Method, ...gozmq.CallOption) gozmq.Stream {
	s := &echoStream{messages: make(chan proto.Message, 16), closed: make(chan struct{})}
	e.streams = append(e.streams, s)
	return s
}

type echoStream struct {
	messages chan proto.Message
	closed   chan struct{}
}

func (s *echoStream) Send(_ context.Context, m proto.Message) error {
	s.messages <- m
	return nil
}

func (s *echoStream) CloseSend(context.Context) error {
	close(s.messages)
	return nil
}

func (s *echoStream) Receive(ctx context.Context, m proto.Message) (more bool, err error) {
	select {
	case got, ok := <-s.messages:
		if ok {
			proto.Merge(m, got)
		}
		return ok, nil
	case <-s.closed:
		return false, gozmq.Errorf(gozmq.CodeCanceled, "canceled")
	case <-ctx.Done():
		return true, ctx.Err()
	}
}

func (s *echoStream) Close() {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
}

func openEcho(ctx context.Context, c gozmq.Caller) gozmq.BidiStream[greetv1.HelloRequest, greetv1.HelloRequest] {
	return gozmqimpl.BidiStream[greetv1.HelloRequest, greetv1.HelloRequest](ctx, c, &echoMethod)
}

var errFault = gozmq.Errorf(gozmq.CodeDataLoss, "a fault")

func TestFaultsStream(t *testing.T) {
	tests := []struct {
		name     string
		set      func(f *gozmqtest.Faults)
		sent     int // messages before Send fails; 3: it does not
		received int
		code     gozmq.Code // 0: none
	}{
		{"none", func(*gozmqtest.Faults) {}, 3, 3, 0},
		{"all of it", func(f *gozmqtest.Faults) { f.Fail(echoMethod.Procedure, errFault) }, 0, 0, gozmq.CodeDataLoss},
		{"another method", func(f *gozmqtest.Faults) { f.FailReceive("x.Y/Z", 0, errFault) }, 3, 3, 0},
		{"sent first", func(f *gozmqtest.Faults) { f.FailSend(echoMethod.Procedure, 0, errFault) }, 0, 0, gozmq.CodeDataLoss},
		{"sent third", func(f *gozmqtest.Faults) { f.FailSend("", 2, errFault) }, 2, 0, gozmq.CodeDataLoss},
		{"received first", func(f *gozmqtest.Faults) { f.FailReceive("", 0, errFault) }, 3, 0, gozmq.CodeDataLoss},
		{"received third", func(f *gozmqtest.Faults) { f.FailReceive(echoMethod.Procedure, 2, errFault) }, 3, 2, gozmq.CodeDataLoss},
		{"without a code", func(f *gozmqtest.Faults) { f.FailReceive("", 1, errors.New("x")) }, 3, 1, gozmq.CodeUnknown},
		{"taken back", func(f *gozmqtest.Faults) { f.FailSend("", 1, errFault); f.FailSend("", 1, nil) }, 3, 3, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			caller := &echoCaller{}
			f := &gozmqtest.Faults{Caller: caller}
			tt.set(f)
			for n := 1; n <= 2; n++ { // each stream counts its messages
				s := openEcho(t.Context(), f)
				sent := 0
				for ; sent < 3; sent++ {
					if err := s.Send(t.Context(), &greetv1.HelloRequest{Name: "x"}); err != nil {
						if gozmq.CodeOf(err) != tt.code {
							t.Errorf("Send: %v", err)
						}
						break
					}
				}
				if err := s.CloseSend(t.Context()); (err != nil) != (sent < 3) {
					t.Errorf("CloseSend: %v", err)
				}
				received := 0
				var end error
				for m, err := range s.Receive(t.Context()) {
					if err != nil {
						end = err
					} else if received++; m.GetName() != "x" {
						t.Errorf("got %v", m)
					}
				}
				if sent != tt.sent || received != tt.received {
					t.Errorf("sent %d and received %d, want %d and %d", sent, received, tt.sent, tt.received)
				}
				if (end != nil) != (tt.code != 0) || end != nil && gozmq.CodeOf(end) != tt.code {
					t.Errorf("it ends with %v, want %v", end, tt.code)
				}
				if f.Calls(echoMethod.Procedure) != n {
					t.Errorf("%d calls are counted, want %d", f.Calls(""), n)
				}
				select {
				case <-caller.streams[n-1].closed:
				default:
					t.Error("the call goes on")
				}
			}
		})
	}
}

// A fault of Send ends a Receive that waits.
func TestFaultsStreamBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &gozmqtest.Faults{Caller: &echoCaller{}}
		f.FailSend("", 0, errFault)
		s := openEcho(t.Context(), f)
		end := make(chan error, 1)
		go func() {
			for _, err := range s.Receive(t.Context()) {
				end <- err
			}
		}()
		synctest.Wait()
		if err := s.Send(t.Context(), &greetv1.HelloRequest{}); !errors.Is(err, error(errFault)) {
			t.Errorf("Send: %v", err)
		}
		if err := <-end; !errors.Is(err, error(errFault)) {
			t.Errorf("Receive: %v", err)
		}
	})
}

func TestFaultsStreamDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &gozmqtest.Faults{Caller: &echoCaller{}}
		f.Delay("", time.Minute)
		f.DelayMessages(echoMethod.Procedure, time.Second)
		s, began := openEcho(t.Context(), f), time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Second/2)
		defer cancel()
		if err := s.Send(ctx, &greetv1.HelloRequest{}); gozmq.CodeOf(err) != gozmq.CodeDeadlineExceeded {
			t.Errorf("Send with a short deadline: %v", err)
		}
		if err := s.Send(t.Context(), &greetv1.HelloRequest{}); err != nil {
			t.Error(err)
		}
		for _, err := range s.Receive(t.Context()) {
			if err != nil {
				t.Error(err)
			}
			break
		}
		if took, want := time.Since(began), time.Minute+5*time.Second/2; took != want {
			t.Errorf("it took %v, want %v", took, want)
		}
	})
}

func TestFaultsStreamWithoutCaller(t *testing.T) {
	s := openEcho(t.Context(), &gozmqtest.Faults{})
	if err := s.Send(t.Context(), &greetv1.HelloRequest{}); gozmq.CodeOf(err) != gozmq.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	for _, err := range s.Receive(t.Context()) {
		if gozmq.CodeOf(err) != gozmq.CodeUnavailable {
			t.Errorf("got %v", err)
		}
	}
}

func TestSent(t *testing.T) {
	var out gozmqtest.Sent[greetv1.HelloReply]
	m := &greetv1.HelloReply{Message: "a"}
	for _, text := range []string{"a", "b"} {
		m.Message = text // a handler may use its message again
		if err := out.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := out.Send(ctx, m); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := out.Messages(); len(got) != 2 || got[0].GetMessage() != "a" || got[1].GetMessage() != "b" {
		t.Errorf("got %v", got)
	}
}

func TestMessages(t *testing.T) {
	a, b := &greetv1.HelloReply{Message: "a"}, &greetv1.HelloReply{Message: "b"}
	var got []*greetv1.HelloReply
	var end error
	for m, err := range gozmqtest.Messages(errFault, a, b) {
		if err != nil {
			end = err
			continue
		}
		got = append(got, m)
	}
	if len(got) != 2 || got[0] != a || got[1] != b || end != errFault {
		t.Errorf("got %v, %v", got, end)
	}
	for m, err := range gozmqtest.Messages(nil, a, b) {
		if m != a || err != nil {
			t.Errorf("got %v, %v", m, err)
		}
		break
	}
}
