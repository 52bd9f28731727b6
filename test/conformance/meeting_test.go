package conformance

import (
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// A meeting is a connection between our end and one that is played by hand,
// which has said nothing yet.
type meeting struct {
	*wire
	t      *testing.T
	kind   string // a type for the far end that fits ours
	ours   *recorder
	client *client // that has dialed; nil when a server has accepted
}

// meet calls f with a connection that our server has accepted, and again with
// one that our client has dialed. Whatever f does, a good peer must be served
// after it, by either end.
func meet(t *testing.T, at *env, f func(m *meeting), opts ...gozmq.SocketOption) {
	t.Helper()
	t.Run("accepted", func(t *testing.T) {
		var serverOpts []gozmq.ServerOption
		for _, o := range opts {
			serverOpts = append(serverOpts, o)
		}
		s := at.serve(t, echo, serverOpts...)
		f(&meeting{wire: at.connect(t, s.endpoint), t: t, kind: "DEALER", ours: s.recorder})
		s.wantService(t, at)
	})
	t.Run("dialed", func(t *testing.T) {
		ln := at.listen(t)
		var dialOpts []gozmq.DialOption
		for _, o := range opts {
			dialOpts = append(dialOpts, o)
		}
		good, where := at.bind(t, "REP")
		c := dial(t, gozmq.Connect(ln.endpoint), dialOpts...)
		f(&meeting{wire: ln.accept(), t: t, kind: "ROUTER", ours: c.recorder, client: c})
		c = dial(t, gozmq.Connect(where), dialOpts...)
		done := c.begin(testkit.Within(t), "still there?")
		good.send(good.recv()...)
		wantReply(t, done, "still there?")
	})
}

// works checks that a call goes through the connection, whose handshake is done.
func (m *meeting) works() {
	m.t.Helper()
	if m.client == nil {
		m.write(rawzmtp.Message("me", "", encode(m.t, "hello")))
		want(m.t, "the reply", m.message(), []string{"me", "", encode(m.t, "hello")})
		return
	}
	done := m.client.begin(testkit.Within(m.t), "hello")
	request := m.message()
	m.write(rawzmtp.Message(request...))
	wantReply(m.t, done, "hello")
}

// wantRefusal waits until our end has closed the connection, for a reason that
// it reports.
func (m *meeting) wantRefusal(reason string) (last string) {
	m.t.Helper()
	last = m.wantClosed()
	wantReason(m.t, m.ours.await(m.t, gozmq.EventHandshakeFailed, 1), reason)
	return last
}

// wantEnd waits until our end has closed a connection that was in use, for a
// reason that it reports.
func (m *meeting) wantEnd(reason string) {
	m.t.Helper()
	m.wantClosed()
	wantReason(m.t, m.ours.await(m.t, gozmq.EventDisconnected, 1), reason)
}
