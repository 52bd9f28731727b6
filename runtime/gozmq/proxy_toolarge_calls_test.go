package gozmq

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A request or a reply that a foreign peer sends, and that the proxy does not take,
// is passed over alone: the connection goes on.
func TestProxyForeignCallTooLarge(t *testing.T) {
	events := newRecorder()
	c := newChain(t, PatternReqRep, "tcp://127.0.0.1:*", 1, WithMaxMessageSize(small), events.option())
	large := strings.Repeat("x", 40*small)
	client := dialRaw(t, c.front(), zmtp.Dealer)
	server := dialRaw(t, c.back(), zmtp.Router)
	client.send("", large)
	events.wait(t, EventMalformed, 1)
	client.send("", "small")
	got := server.recv()
	if got[len(got)-1] != "small" {
		t.Fatalf("the server has got %q", got)
	}
	server.send(append(got[:len(got)-1:len(got)-1], large)...)
	events.wait(t, EventMalformed, 2)
	server.send(got...)
	if got := client.recv(); got[len(got)-1] != "small" {
		t.Errorf("the client has got %q", got)
	}
	events.wantHeld(t)
}

// A reply that a foreign server sends, and that the proxy does not take, ends its
// call at once, and the next call goes well.
func TestProxyForeignReplyTooLarge(t *testing.T) {
	c := newChain(t, PatternReqRep, "tcp://127.0.0.1:*", 1, WithMaxMessageSize(small))
	conn := dial(t, Connect(c.front()))
	server := dialRaw(t, c.back(), zmtp.Router)
	for _, size := range []int{40 * small, 1} {
		called := make(chan error, 1)
		go func() { called <- conn.Call(testkit.Within(t), echoMethod, sized(1), new(bytez)) }()
		request := server.recv()
		envelope := request[:slices.Index(request[1:], "")+2]
		body := append([]byte{0x0a}, protowire.AppendBytes(nil, make([]byte, size))...)
		server.send(append(slices.Clone(envelope), "", string(body))...)
		switch err := <-called; {
		case size == 1 && err != nil:
			t.Error(err)
		case size > 1:
			wantCode(t, err, CodeResourceExhausted, "proxy: reply passed over")
		}
	}
}

// A task that is too large for every worker behind a proxy is reported by the
// proxy, and the next one comes.
func TestProxyTaskTooLarge(t *testing.T) {
	events := newRecorder()
	c := newChain(t, PatternPushPull, "tcp://127.0.0.1:*", 1, events.option())
	v := ventilator(t, Connect(c.front()))
	k := sink(t, Connect(c.back()), WithMaxMessageSize(small))
	got := follow(t, func(ctx context.Context) seq[*bytez] { return Results[bytez](ctx, k, growPlain) })
	for _, task := range []*bytez{sized(1), sized(2 * small), sized(3)} {
		if err := v.Push(testkit.Within(t), growPlain, task); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{1, 3} {
		if m := got.next(t); len(m.GetValue()) != n {
			t.Errorf("got %d bytes, want %d", len(m.GetValue()), n)
		}
	}
	wantText(t, events.wait(t, EventMalformed, 1).Err, "exceeds the limit of 4096")
}
