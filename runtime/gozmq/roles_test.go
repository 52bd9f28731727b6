package gozmq

import (
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A roleAt opens a socket of some role that dials an endpoint, and reports to
// events.
type roleAt struct {
	name string
	dial func(t *testing.T, at Endpoints, o SocketOption)
}

// rolesAt are the roles that dial in TestRolesThatDoNotFit.
func rolesAt() []roleAt {
	elsewhere := func() Endpoints { return Bind("inproc://*") }
	return []roleAt{
		{"client", func(t *testing.T, at Endpoints, o SocketOption) { dial(t, at, o) }},
		{"server", func(t *testing.T, at Endpoints, o SocketOption) { serve(t, at, echoHandlers(), o) }},
		{"publisher", func(t *testing.T, at Endpoints, o SocketOption) { publisher(t, at, o) }},
		{"subscriber", func(t *testing.T, at Endpoints, o SocketOption) { subscriber(t, at, o) }},
		{"ventilator", func(t *testing.T, at Endpoints, o SocketOption) { ventilator(t, DeliveryAtLeastOnce, at, o) }},
		{"sink", func(t *testing.T, at Endpoints, o SocketOption) { sink(t, DeliveryAtLeastOnce, at, o) }},
		{"worker, which takes tasks", func(t *testing.T, at Endpoints, o SocketOption) {
			work(t, surely(squares), From(at), To(elsewhere()), o)
		}},
		{"worker, which sends results", func(t *testing.T, at Endpoints, o SocketOption) {
			work(t, surely(squares), From(elsewhere()), To(at), o)
		}},
	}
}

// TestRolesThatDoNotFit has sockets of every role dial every other that binds.
// Those that do not fit are told so at once, in words and on both sides,
// although the types of most of these sockets go together.
func TestRolesThatDoNotFit(t *testing.T) {
	proxy := func(t *testing.T, o SocketOption, front bool) string {
		p, err := NewProxy(PatternReqRep, Front(Bind("tcp://127.0.0.1:*")), Back(Bind("tcp://127.0.0.1:*")), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		if front {
			return p.FrontAddrs()[0]
		}
		return p.BackAddrs()[0]
	}
	for _, at := range []struct {
		name, fits string
		bind       func(t *testing.T, o SocketOption) string
	}{
		{"server", "client", func(t *testing.T, o SocketOption) string {
			return serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), o).addr()
		}},
		{"client", "server", func(t *testing.T, o SocketOption) string { return dial(t, Bind("tcp://127.0.0.1:*"), o).Addrs()[0] }},
		{"ventilator", "worker, which takes tasks", func(t *testing.T, o SocketOption) string {
			return ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), o).Addrs()[0]
		}},
		{"sink", "worker, which sends results", func(t *testing.T, o SocketOption) string {
			return sink(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), o).Addrs()[0]
		}},
		{"publisher", "subscriber", func(t *testing.T, o SocketOption) string {
			return publisher(t, Bind("tcp://127.0.0.1:*"), o).Addrs()[0]
		}},
		{"proxy", "client", func(t *testing.T, o SocketOption) string { return proxy(t, o, true) }},
		{"proxy", "server", func(t *testing.T, o SocketOption) string { return proxy(t, o, false) }},
	} {
		for _, role := range rolesAt() {
			t.Run(role.name+" at "+at.name+" for "+at.fits, func(t *testing.T) {
				there, here := newRecorder(), newRecorder()
				role.dial(t, Connect(at.bind(t, there.option())), here.option())
				if role.name == at.fits {
					there.wait(t, EventConnected, 1)
					here.wait(t, EventConnected, 1)
					return
				}
				wantText(t, there.wait(t, EventHandshakeFailed, 1).Err, "the roles do not fit", "This end is a "+at.name, "the peer is a "+role.name)
				if at.name == "proxy" { // which says only in its ERROR whom it expects
					wantToldByProxy(t, here)
				} else {
					wantText(t, here.wait(t, EventHandshakeFailed, 1).Err, "the roles do not fit", "This end is a "+role.name, "the peer is a "+at.name)
				}
				if there.count(EventConnected) > 0 {
					t.Error("the connection was made")
				}
			})
		}
	}
}

// wantToldByProxy waits until a socket knows that it does not belong at a
// proxy: by the socket types, or by the proxy's ERROR.
func wantToldByProxy(t *testing.T, events *recorder) {
	t.Helper()
	testkit.Eventually(t, "the reason", func() bool {
		for _, e := range events.all() {
			if e.Err != nil && (strings.Contains(e.Err.Error(), "the roles do not fit") || strings.Contains(e.Err.Error(), "does not go with")) {
				return true
			}
		}
		return false
	})
}
