package gozmq

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// callID is a call's id as a frame.
func callID(n int) string { return string(binary.BigEndian.AppendUint64(nil, uint64(n))) }

// TestBacklogOfGivenUpCalls sends a server, in one piece, what it finds when it has
// stood still: requests, and behind them that their callers have given up. It
// begins only the one that somebody waits for.
func TestBacklogOfGivenUpCalls(t *testing.T) {
	const n = 200
	for name, opts := range map[string][]ServerOption{"some at once": {WithConcurrency(4), WithMaxWaiting(1000)}, "all at once": nil} {
		t.Run(name, func(t *testing.T) {
			var begun atomic.Int64
			work := Handle(echoMethod, func(_ context.Context, m *bytez) (*bytez, error) {
				begun.Add(1)
				return m, nil
			})
			s := serve(t, Bind("tcp://127.0.0.1:*"), []Handler{work}, opts...)
			ep, err := transport.ParseConnect(s.addr())
			if err != nil {
				t.Fatal(err)
			}
			p := &rawPeer{zmtptest.DialAs(t, ep, "DEALER", zmtp.PropertyGozmq, "1"), t}
			var all []byte
			for i := range n {
				all = append(all, zmtptest.Message(callID(i), "", echoMethod.Procedure, "")...)
			}
			for i := range n {
				if i != n/2 {
					all = append(all, zmtptest.Message(callID(i), "", "", "", "\x18\x01")...)
				}
			}
			p.Send(all)
			if got := p.recv(); got[0] != callID(n/2) {
				t.Errorf("call %x was answered first", got[0])
			}
			p.send(callID(n), "", echoMethod.Procedure, "")
			if got := p.recv(); got[0] != callID(n) || begun.Load() != 2 {
				t.Errorf("call %x was answered; %d were begun, want 2", got[0], begun.Load())
			}
		})
	}
}

// TestDeadlineTakesTheRequestBack checks that a client tells a server of ours
// when the deadline of a call has ended, also when much is queued for the
// server.
func TestDeadlineTakesTheRequestBack(t *testing.T) {
	ln := zmtptest.Listen(t)
	c := dial(t, Connect(ln.Endpoint.String()), WithSendQueue(1, 1))
	p := &rawPeer{ln.Next(), t}
	p.Shake("ROUTER", zmtp.PropertyGozmq, "1")
	for c.Stats().MessagesOut == 0 { // a call's time may be over before it is sent
		wantCode(t, callEcho(testkit.Within(t), shortCalls{c}, "x"), CodeDeadlineExceeded)
	}
	request := p.recv()
	if got, want := fmt.Sprintf("%q", p.recv()), fmt.Sprintf("%q", []string{request[0], "", "", "", "\x18\x01"}); got != want {
		t.Errorf("the server got %s behind the request, want %s", got, want)
	}
}

// shortCalls is a Conn whose calls have a short timeout.
type shortCalls struct{ *Conn }

func (c shortCalls) Call(ctx context.Context, m *Method, req, reply proto.Message, opts ...CallOption) error {
	return c.Conn.Call(ctx, m, req, reply, append(opts, WithTimeout(20*time.Millisecond))...)
}
