package gozmqtap_test

import (
	"net"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
	"github.com/gozmq/gozmq/runtime/gozmqtap"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

func TestProbeRoles(t *testing.T) {
	pub, err := gozmq.NewPublisher(gozmq.Bind(anyPort))
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	vent, err := gozmq.NewVentilator(gozmq.Bind(anyPort))
	if err != nil {
		t.Fatal(err)
	}
	defer vent.Close()
	for _, tt := range []struct{ endpoint, socket, role string }{
		{serve(t, gozmq.WithMaxMessageSize(1234), gozmq.WithRoutingID("here")), "ROUTER", "server"},
		{pub.Addrs()[0], "PUB", "publisher"},
		{vent.Addrs()[0], "PUSH", "ventilator"},
	} {
		t.Run(tt.role, func(t *testing.T) {
			r := gozmqtap.Probe(testkit.Within(t), tt.endpoint, gozmq.Security{})
			if r.Stage != "done" || !r.Reached || r.ZMTP != "3.1" || r.Mechanism != "NULL" || !r.Gozmq || r.Libzmq {
				t.Errorf("%+v", r)
			}
			if r.SocketType != tt.socket && r.SocketType != "X"+tt.socket || r.Role != tt.role || r.MaxMessage == 0 {
				t.Errorf("%+v", r)
			}
			if tt.role == "server" && (r.MaxMessage != 1234 || r.RoutingID != "here") {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestProbeCurve(t *testing.T) {
	server, own := gozmqtest.CurveKey(t), gozmqtest.CurveKey(t)
	at := serve(t, gozmq.WithSecurity(gozmqcurve.Server(server, gozmqcurve.AllowKeys(own.Public()))))
	tests := []struct {
		name       string
		security   gozmq.Security
		stage, err string
	}{
		{"no key", gozmq.Security{}, "security", "wants CURVE"},
		{"right key", gozmqcurve.Client(own, server.Public()), "done", ""},
		{"wrong server key", gozmqcurve.Client(own, own.Public()), "handshake", "public key"},
		{"unknown key", gozmqcurve.Client(gozmqtest.CurveKey(t), server.Public()), "handshake", "400"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := gozmqtap.Probe(testkit.Within(t), at, tt.security)
			if r.Stage != tt.stage || !strings.Contains(r.Error, tt.err) || r.Mechanism != "CURVE" {
				t.Errorf("%+v", r)
			}
			if tt.stage == "done" && r.SocketType != "ROUTER" {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestProbePlain(t *testing.T) {
	pub, err := gozmq.NewPublisher(gozmq.Bind(anyPort), gozmq.WithSecurity(gozmq.PlainServer(gozmq.Passwords(map[string]string{"a": "b"}))))
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	r := gozmqtap.Probe(testkit.Within(t), pub.Addrs()[0], gozmq.PlainClient("a", "b"))
	if r.Stage != "done" || r.Role != "publisher" {
		t.Errorf("%+v", r)
	}
	r = gozmqtap.Probe(testkit.Within(t), pub.Addrs()[0], gozmq.PlainClient("a", "c"))
	if r.Stage != "handshake" || r.Error == "" {
		t.Errorf("%+v", r)
	}
}

// Credentials for a peer that asks for none are a mistake of one of the two.
func TestProbeNeedlessCredentials(t *testing.T) {
	r := gozmqtap.Probe(testkit.Within(t), serve(t), gozmq.PlainClient("a", "b"))
	if r.Stage != "security" || r.Role != "server" || !strings.Contains(r.Error, "no security") {
		t.Errorf("%+v", r)
	}
}

func TestProbeStrangers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("SSH-2.0-OpenSSH\r\n"))
			c.Close()
		}
	}()
	tests := []struct{ endpoint, stage, err string }{
		{"tcp://" + l.Addr().String(), "greeting", "does not speak ZeroMQ"},
		{"tcp://127.0.0.1:1", "dial", "refused"},
		{"tcp://localhost", "endpoint", "port"},
	}
	for _, tt := range tests {
		t.Run(tt.stage, func(t *testing.T) {
			r := gozmqtap.Probe(testkit.Within(t), tt.endpoint, gozmq.Security{})
			if r.Stage != tt.stage || !strings.Contains(r.Error, tt.err) {
				t.Errorf("%+v", r)
			}
		})
	}
}
