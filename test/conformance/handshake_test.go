package conformance

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

func readyAtOnce(t *testing.T, at *env) {
	meet(t, at, func(m *meeting) {
		m.write(rawzmtp.Greeting(3, 1, "NULL"))
		m.finish()
		m.write(rawzmtp.Ready("Socket-Type", m.kind))
		m.works()
	})
}

func propertyCase(t *testing.T, at *env) {
	meet(t, at, func(m *meeting) {
		m.write(rawzmtp.Greeting(3, 1, "NULL"), rawzmtp.Ready("IDENTITY", "me", "sOCKET-tYPE", m.kind))
		m.finish()
		m.works()
	})
}

func propertyNames(t *testing.T, at *env) {
	meet(t, at, func(m *meeting) {
		m.shake(m.kind, 1)
		kind := "ROUTER"
		if m.client != nil {
			kind = "DEALER"
		}
		for _, property := range [][]byte{rawzmtp.Metadata("Socket-Type", kind), rawzmtp.Metadata("Identity", "me")} {
			if !bytes.Contains(m.told, property) {
				m.t.Errorf("READY is %q, want %q in it", m.told, property)
			}
		}
	}, gozmq.WithRoutingID("me"))
}

func unknownProperties(t *testing.T, at *env) {
	meet(t, at, func(m *meeting) {
		m.shake(m.kind, 1, "X", "", "Resource", "a", "X-Long", strings.Repeat("z", 5000), strings.Repeat("n", 255), "v")
		m.works()
	})
}

func malformedHandshake(t *testing.T, at *env) {
	noType := rawzmtp.Command("READY", rawzmtp.Metadata("Identity", "me"))
	for _, tt := range []struct {
		name  string
		bytes []byte
	}{
		{"a message", rawzmtp.Message("hello")},
		{"another command", rawzmtp.Command("PING", "\x00\x00")},
		{"an empty command", rawzmtp.Frame(rawzmtp.FlagCommand, "")},
		{"a name that is cut short", rawzmtp.Frame(rawzmtp.FlagCommand, "\x05REA")},
		{"a command of zero bytes", rawzmtp.Frame(rawzmtp.FlagCommand, "\x00")},
		{"no properties", rawzmtp.Command("READY", "")},
		{"no type", noType},
		{"one zero byte of metadata", rawzmtp.Command("READY", "\x00")},
		{"a name beyond the end", rawzmtp.Command("READY", "\xffSocket-Type")},
		{"a value beyond the end", rawzmtp.Command("READY", "\x0bSocket-Type\x7f\xff\xff\xffDEALER")},
		{"an unknown type", rawzmtp.Ready("Socket-Type", "CLIENT")},
		{"a command of 2^62 bytes", []byte{rawzmtp.FlagCommand | rawzmtp.FlagLong, 0x40, 0, 0, 0, 0, 0, 0, 0}},
		{"a command of 2^31 bytes", []byte{rawzmtp.FlagCommand | rawzmtp.FlagLong, 0, 0, 0, 0, 0x80, 0, 0, 0}},
	} {
		meet(t, at, func(m *meeting) {
			m.write(rawzmtp.Greeting(3, 1, "NULL"))
			m.tryWrite(tt.bytes)
			m.wantClosed()
			if e := m.ours.await(m.t, gozmq.EventHandshakeFailed, 1); e.Err == nil {
				m.t.Errorf("%s: no reason is given", tt.name)
			}
		})
	}
}

// ours opens one of our sockets, by its type on the wire, and returns where it
// is bound.
var ours = map[string]func(t *testing.T, at *env) (string, *recorder){
	"ROUTER": func(t *testing.T, at *env) (string, *recorder) {
		s := at.serve(t, echo)
		return s.endpoint, s.recorder
	},
	"DEALER": func(t *testing.T, at *env) (string, *recorder) {
		c := dial(t, gozmq.Bind(at.endpoint()))
		return c.Addrs()[0], c.recorder
	},
	"PUB": func(t *testing.T, at *env) (string, *recorder) {
		p := publish(t, gozmq.Bind(at.endpoint()))
		return p.Addrs()[0], p.recorder
	},
	"SUB": func(t *testing.T, at *env) (string, *recorder) {
		s := subscribe(t, gozmq.Bind(at.endpoint()))
		return s.Addrs()[0], s.recorder
	},
	"PUSH": func(t *testing.T, at *env) (string, *recorder) {
		v := ventilate(t, gozmq.Bind(at.endpoint()))
		return v.Addrs()[0], v.recorder
	},
	"PULL": func(t *testing.T, at *env) (string, *recorder) {
		s := collect(t, gozmq.Bind(at.endpoint()))
		return s.Addrs()[0], s.recorder
	},
	"XPUB": func(t *testing.T, at *env) (string, *recorder) {
		p := relay(t, at, gozmq.PatternPubSub)
		return p.BackAddrs()[0], p.recorder
	},
	"XSUB": func(t *testing.T, at *env) (string, *recorder) {
		p := relay(t, at, gozmq.PatternPubSub)
		return p.FrontAddrs()[0], p.recorder
	},
}

// fits are the types that go with each of ours (RFC 23).
var fits = map[string][]string{
	"DEALER": {"REP", "DEALER", "ROUTER"},
	"ROUTER": {"REQ", "DEALER", "ROUTER"},
	"PUB":    {"SUB", "XSUB"},
	"XPUB":   {"SUB", "XSUB"},
	"SUB":    {"PUB", "XPUB"},
	"XSUB":   {"PUB", "XPUB"},
	"PUSH":   {"PULL"},
	"PULL":   {"PUSH"},
}

var kinds = []string{"REQ", "REP", "DEALER", "ROUTER", "PUB", "XPUB", "SUB", "XSUB", "PUSH", "PULL", "PAIR"}

// eachPair calls f for each of our sockets and each type of peer that does, or
// does not, go with it.
func eachPair(t *testing.T, at *env, fitting bool, f func(t *testing.T, endpoint, kind string, events *recorder)) {
	t.Helper()
	for own, open := range ours {
		for _, kind := range kinds {
			if strings.Contains(" "+strings.Join(fits[own], " ")+" ", " "+kind+" ") != fitting {
				continue
			}
			t.Run(own+"_with_"+kind, func(t *testing.T) {
				endpoint, events := open(t, at)
				f(t, endpoint, kind, events)
			})
		}
	}
}

func fittingTypes(t *testing.T, at *env) {
	eachPair(t, at, true, func(t *testing.T, endpoint, kind string, events *recorder) {
		p := at.dial(t, kind, endpoint)
		if z, ok := p.(*zmqSocket); ok {
			z.await("HANDSHAKE_SUCCEEDED")
		}
		events.await(t, gozmq.EventConnected, 1)
	})
}

func incompatibleTypes(t *testing.T, at *env) {
	eachPair(t, at, false, func(t *testing.T, endpoint, kind string, events *recorder) {
		if at.isLibzmq() {
			at.dial(t, kind, endpoint)
		} else {
			w := at.connect(t, endpoint)
			w.tryWrite(rawzmtp.Hello(kind))
			w.wantClosed()
		}
		// libzmq may be the one that refuses first, without a word.
		if e := events.await(t, gozmq.EventHandshakeFailed, 1); e.Err == nil {
			t.Error("no reason is given")
		}
		if events.count(gozmq.EventConnected) > 0 {
			t.Error("the peer was connected")
		}
	})
}

func mismatchError(t *testing.T, at *env) {
	eachPair(t, at, false, func(t *testing.T, endpoint, kind string, events *recorder) {
		w := at.connect(t, endpoint)
		w.tryWrite(rawzmtp.Hello(kind))
		w.finish()
		name, data := w.command()
		if name != "ERROR" || len(data) < 1 || int(data[0]) != len(data)-1 || !strings.Contains(data, kind) {
			t.Errorf("got %s %q, want ERROR with a reason that names %s", name, data, kind)
		}
		w.wantClosed()
		wantReason(t, events.await(t, gozmq.EventHandshakeFailed, 1), kind)
	})
}

func identities(t *testing.T, at *env) {
	s := at.serve(t, echo)
	for _, id := range []string{"a", strings.Repeat("i", 255), "\xff\x00"} {
		p := at.dialAs(t, "REQ", s.endpoint, id)
		p.send(encode(t, "hello"))
		want(t, "the reply", p.recv(), []string{encode(t, "hello")})
		p.close()
	}
	if !at.isLibzmq() {
		return // READY is looked at elsewhere
	}
	for _, id := range []string{"a", strings.Repeat("i", 255)} {
		z := at.socket(t, "ROUTER", nil)
		c := dial(t, gozmq.Connect(z.bind(at.endpoint())), gozmq.WithRoutingID(id))
		done := c.begin(testkit.Within(t), "hello")
		z.send(z.recv()...)
		if z.route != id {
			t.Errorf("libzmq knows our end as %q, want %q", z.route, id)
		}
		wantReply(t, done, "hello")
	}
}

func badIdentities(t *testing.T, at *env) {
	for _, id := range []string{strings.Repeat("i", 256), "\x00abc"} {
		if c, err := gozmq.Dial(gozmq.Bind(at.endpoint()), gozmq.WithRoutingID(id)); err == nil {
			_ = c.Close()
			t.Errorf("Dial takes %.5q… of %d bytes", id, len(id))
		}
		meet(t, at, func(m *meeting) {
			m.write(rawzmtp.Greeting(3, 1, "NULL"))
			m.tryWrite(rawzmtp.Ready("Socket-Type", m.kind, "Identity", id))
			m.wantRefusal("identity")
		})
	}
}

func takenIdentity(t *testing.T, at *env) {
	s := at.serve(t, echo)
	first := at.dialAs(t, "REQ", s.endpoint, "me")
	hello := func(p peer) {
		t.Helper()
		p.send(encode(t, "hello"))
		want(t, "the reply", p.recv(), []string{encode(t, "hello")})
	}
	hello(first)
	if at.isLibzmq() {
		second := at.dialAs(t, "REQ", s.endpoint, "me")
		wantReason(t, s.await(t, gozmq.EventHandshakeFailed, 1), "identity")
		hello(first)
		first.close()
		hello(second) // it connects again by itself
		return
	}
	live := make(chan struct{})
	go func() { // our end asks who has the identity for a sign of life
		defer close(live)
		w := first.(*rawPeer).wire
		if flags, content, err := w.frame(); err == nil && flags&rawzmtp.FlagCommand != 0 {
			w.tryWrite(rawzmtp.Command("PONG", content[min(len(content), 7):]))
		}
	}()
	w := at.connect(t, s.endpoint)
	w.write(rawzmtp.Greeting(3, 1, "NULL"), rawzmtp.Ready("Socket-Type", "REQ", "Identity", "me"))
	if last := w.wantClosed(); !strings.Contains(last, "ERROR") {
		t.Errorf("the second peer was told %q, want an ERROR", last)
	}
	wantReason(t, s.await(t, gozmq.EventHandshakeFailed, 1), "identity")
	testkit.Receive(t, live, "the question to the first peer")
	hello(first)
	first.close()
	s.await(t, gozmq.EventDisconnected, 1)
	hello(at.dialAs(t, "REQ", s.endpoint, "me"))
}
