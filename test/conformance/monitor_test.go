package conformance

import (
	"slices"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func monitorSequence(t *testing.T, at *env) {
	s := at.serve(t, echo)
	p := at.dial(t, "REQ", s.endpoint)
	p.send(encode(t, "hello"))
	want(t, "the reply", p.recv(), []string{encode(t, "hello")})
	if z, ok := p.(*zmqSocket); ok {
		events := slices.DeleteFunc(z.events(), func(e string) bool { return e == "CONNECT_DELAYED" })
		want(t, "libzmq's sequence of events", events, []string{"CONNECTED", "HANDSHAKE_SUCCEEDED"})
	}
	p.close()
	s.await(t, gozmq.EventDisconnected, 1)
	wantKinds(t, s.recorder, gozmq.EventListening, gozmq.EventConnected, gozmq.EventDisconnected)

	p, where := at.bind(t, "REP")
	c := dial(t, gozmq.Connect(where))
	done := c.begin(testkit.Within(t), "hello")
	p.send(p.recv()...)
	wantReply(t, done, "hello")
	_ = c.Close()
	wantKinds(t, c.recorder, gozmq.EventConnected, gozmq.EventDisconnected)
	if z, ok := p.(*zmqSocket); ok {
		z.await("DISCONNECTED")
	}
}

func wantKinds(t *testing.T, r *recorder, kinds ...gozmq.EventKind) {
	t.Helper()
	if got := r.kinds(); !slices.Equal(got, kinds) {
		t.Fatalf("the events are %v, want %v", got, kinds)
	}
}
