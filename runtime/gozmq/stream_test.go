package gozmq

import (
	"strconv"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

func TestStreamsOfEachKind(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		_, c := s.pair(t, allMethods(), nil, nil)
		for _, n := range []int{0, 1, 3, 1000} {
			w := watch(t, c, strconv.Itoa(n))
			for i := range n {
				wantMessage(t, w, strconv.Itoa(i))
			}
			wantEnd(t, w)
			wantEnd(t, w) // again
		}
		chat := c.Stream(testkit.Within(t), chatMethod)
		for i := range 300 {
			mustSend(t, chat, strconv.Itoa(i))
			wantMessage(t, chat, strconv.Itoa(i))
		}
		if err := chat.CloseSend(testkit.Within(t)); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, chat)
		for _, n := range []int{0, 1, 1000} {
			up := c.Stream(testkit.Within(t), uploadMethod)
			want := ""
			for i := range n {
				mustSend(t, up, strconv.Itoa(i))
				want += strconv.Itoa(i)
			}
			if err := up.CloseSend(testkit.Within(t)); err != nil {
				t.Fatal(err)
			}
			wantMessage(t, up, want)
			wantEnd(t, up)
		}
		mustEcho(t, c)
	})
}

func TestStreamErrors(t *testing.T) {
	_, c := site{endpoint: "tcp://127.0.0.1:*"}.pair(t, allMethods(), nil, nil)
	t.Run("the handler's", func(t *testing.T) { wantFailure(t, watch(t, c, "x"), CodeInvalidArgument, "parsing") })
	t.Run("unknown method", func(t *testing.T) {
		s := c.Stream(testkit.Within(t), &Method{Procedure: "no.Such/Method", ServerStreams: true})
		mustSend(t, s, "")
		wantFailure(t, s, CodeUnimplemented, "not known")
	})
	t.Run("a call of a method with streams", func(t *testing.T) {
		err := c.Call(testkit.Within(t), watchMethod, textOf("1"), new(bytez))
		wantCode(t, err, CodeFailedPrecondition, "has streams here")
	})
	t.Run("a stream of a method without", func(t *testing.T) {
		s := c.Stream(testkit.Within(t), &Method{Procedure: echoMethod.Procedure, ServerStreams: true})
		mustSend(t, s, "")
		wantFailure(t, s, CodeFailedPrecondition, "no streams here")
	})
	t.Run("bare", func(t *testing.T) {
		s := c.Stream(testkit.Within(t), &Method{Procedure: "x", ServerStreams: true, Bare: true})
		wantCode(t, s.Send(testkit.Within(t), textOf("")), CodeUnimplemented, "bare")
	})
	t.Run("a second request", func(t *testing.T) {
		s := watch(t, c, "1")
		wantCode(t, s.Send(testkit.Within(t), textOf("")), CodeFailedPrecondition, "one request")
		wantMessage(t, s, "0")
		wantEnd(t, s)
	})
	t.Run("Receive before the request", func(t *testing.T) {
		s := c.Stream(testkit.Within(t), watchMethod)
		_, err := s.Receive(testkit.Within(t), new(bytez))
		wantCode(t, err, CodeFailedPrecondition, "request")
	})
	t.Run("closed before it began", func(t *testing.T) {
		s := c.Stream(testkit.Within(t), watchMethod)
		s.Close()
		wantFailure(t, s, CodeCanceled)
	})
}
