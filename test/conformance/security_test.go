package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/runtime/gozmqzap"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

var passwords = gozmq.Passwords(map[string]string{"ada": "lovelace"})

// plainHello is the first command of PLAIN (RFC 24).
func plainHello(user, password string) []byte {
	return rawzmtp.Command("HELLO", string(byte(len(user)))+user+string(byte(len(password)))+password)
}

// works makes a call that must go well.
func works(t *testing.T, c *client) {
	t.Helper()
	wantReply(t, c.begin(testkit.Within(t), "hello"), "hello")
}

// answers lets a peer that has a server's role answer one call of ours.
func answers(t *testing.T, p peer, c *client, body string) {
	t.Helper()
	done := c.begin(testkit.Within(t), body)
	p.send(p.recv()...)
	wantReply(t, done, body)
}

// asks lets a peer that has a client's role make one call.
func asks(t *testing.T, p peer, body string) {
	t.Helper()
	p.send(encode(t, body))
	want(t, "the reply", p.recv(), []string{encode(t, body)})
}

func plainLetsIn(t *testing.T, at *env) {
	s := at.serve(t, echo, gozmq.WithSecurity(gozmq.PlainServer(passwords)))
	works(t, dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(gozmq.PlainClient("ada", "lovelace"))))
	if at.isLibzmq() {
		z := at.socket(t, "REQ", options{"PLAIN_USERNAME": []byte("ada"), "PLAIN_PASSWORD": []byte("lovelace")})
		z.connect(s.endpoint)
		asks(t, z, "hello")
		z = at.socket(t, "REP", options{"PLAIN_SERVER": 1})
		answers(t, z, dial(t, gozmq.Connect(z.bind(at.endpoint())), gozmq.WithSecurity(gozmq.PlainClient("ada", "lovelace"))), "hello")
		return
	}
	w := at.connect(t, s.endpoint)
	w.write(rawzmtp.Greeting(3, 1, "PLAIN"), plainHello("ada", "lovelace"))
	w.read(64)
	if name, data := w.command(); name != "WELCOME" || data != "" {
		t.Fatalf("got %s %q, want WELCOME", name, data)
	}
	w.write(rawzmtp.Command("INITIATE", rawzmtp.Metadata("Socket-Type", "REQ")))
	if name, data := w.command(); name != "READY" || !strings.Contains(data, "ROUTER") {
		t.Fatalf("got %s %q, want READY", name, data)
	}
	asks(t, &rawPeer{wire: w, kind: "REQ"}, "hello")
}

func plainRefuses(t *testing.T, at *env) {
	s := at.serve(t, echo, gozmq.WithSecurity(gozmq.PlainServer(passwords)))
	refused := 0
	for _, c := range [][2]string{{"ada", "Lovelace"}, {"ada", "love"}, {"bob", "lovelace"}} {
		ours := dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(gozmq.PlainClient(c[0], c[1])))
		wantReason(t, ours.await(t, gozmq.EventHandshakeFailed, 1), "credentials")
		refused++
		wantReason(t, s.await(t, gozmq.EventAuthFailed, refused), "password")
		if at.isLibzmq() {
			z := at.socket(t, "REQ", options{"PLAIN_USERNAME": []byte(c[0]), "PLAIN_PASSWORD": []byte(c[1])})
			z.connect(s.endpoint)
			z.await("HANDSHAKE_FAILED") // 4.3.4 knows its own form of ERROR only
			z.close()
			z = at.socket(t, "REP", options{"PLAIN_SERVER": 1})
			ours = dial(t, gozmq.Connect(z.bind(at.endpoint())), gozmq.WithSecurity(gozmq.PlainClient(c[0], c[1])))
			wantReason(t, ours.await(t, gozmq.EventHandshakeFailed, 1), "credentials")
			refused = s.count(gozmq.EventAuthFailed) // libzmq tries again and again
			continue
		}
		w := at.connect(t, s.endpoint)
		w.write(rawzmtp.Greeting(3, 1, "PLAIN"), plainHello(c[0], c[1]))
		w.read(64)
		if name, data := w.command(); name != "ERROR" || data != "\x03400" {
			t.Errorf("got %s %q, want ERROR 400", name, data)
		}
		w.wantClosed()
		refused++
		s.await(t, gozmq.EventAuthFailed, refused)
	}
	works(t, dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(gozmq.PlainClient("ada", "lovelace"))))
}

func plainMalformed(t *testing.T, at *env) {
	s := at.serve(t, echo, gozmq.WithSecurity(gozmq.PlainServer(passwords)))
	good := plainHello("ada", "lovelace")
	for i, bad := range [][]byte{
		rawzmtp.Command("HELLO", ""),
		rawzmtp.Command("HELLO", "\x03ada"),
		rawzmtp.Command("HELLO", "\x03ada\x09lovelace"),
		rawzmtp.Command("HELLO", "\x03ada\x08lovelace!"),
		rawzmtp.Command("HELLO", "\xffada\x08lovelace"),
		rawzmtp.Command("INITIATE", rawzmtp.Metadata("Socket-Type", "REQ")),
		rawzmtp.Ready("Socket-Type", "REQ"),
		rawzmtp.Message("hello"),
		append(good, rawzmtp.Command("INITIATE", "\x0bSocket-Type")...),
		append(good, rawzmtp.Command("INITIATE", "")...),
		append(good, plainHello("ada", "lovelace")...),
		append(good, rawzmtp.Ready("Socket-Type", "REQ")...),
	} {
		w := at.connect(t, s.endpoint)
		w.tryWrite(append(rawzmtp.Greeting(3, 1, "PLAIN"), bad...))
		w.wantClosed()
		s.await(t, gozmq.EventHandshakeFailed, i+1)
	}
	if n := s.count(gozmq.EventConnected); n > 0 {
		t.Errorf("%d of them were connected", n)
	}
	works(t, dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(gozmq.PlainClient("ada", "lovelace"))))
}

func noDowngrade(t *testing.T, at *env) {
	key := gozmqtest.CurveKey(t)
	for name, security := range map[string]gozmq.Security{
		"CURVE": gozmqcurve.Server(key, gozmq.AllowAny),
		"PLAIN": gozmq.PlainServer(gozmq.AllowAny),
		"curve": gozmqcurve.Client(gozmqtest.CurveKey(t), key.Public()),
		"plain": gozmq.PlainClient("ada", "lovelace"),
	} {
		s := at.serve(t, echo, gozmq.WithSecurity(security))
		if at.isLibzmq() {
			at.dial(t, "REQ", s.endpoint)
			wantReason(t, s.awaitMismatch(t), "mechanism")
			continue
		}
		failed := 0
		for _, other := range []string{"NULL", "PLAIN", "CURVE", "", "GSSAPI"} {
			if other == strings.ToUpper(name) {
				continue
			}
			w := at.connect(t, s.endpoint)
			w.tryWrite(append(rawzmtp.Greeting(3, 1, other), rawzmtp.Ready("Socket-Type", "REQ")...))
			w.wantClosed()
			failed++
			wantReason(t, s.await(t, gozmq.EventHandshakeFailed, failed), "mechanism")
		}
		if n := s.count(gozmq.EventConnected); n > 0 {
			t.Errorf("%s: %d peers were connected", name, n)
		}
	}
}

func denyByDefault(t *testing.T, at *env) {
	key := gozmqtest.CurveKey(t)
	for name, security := range map[string][2]gozmq.Security{
		"CURVE": {gozmqcurve.Server(key, nil), gozmqcurve.Client(gozmqtest.CurveKey(t), key.Public())},
		"PLAIN": {gozmq.PlainServer(nil), gozmq.PlainClient("ada", "lovelace")},
		"NULL":  {gozmq.NullServer(nil), gozmq.NullClient()},
	} {
		s := at.serve(t, echo, gozmq.WithSecurity(security[0]))
		if !at.isLibzmq() {
			c := dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(security[1]))
			wantReason(t, c.await(t, gozmq.EventHandshakeFailed, 1), "")
		} else {
			z := at.socket(t, "REQ", nil)
			switch name {
			case "CURVE":
				secret := gozmqtest.CurveKey(t)
				z.set("CURVE_SERVERKEY", []byte(key.Public().String()))
				z.set("CURVE_PUBLICKEY", []byte(secret.Public().String()))
				z.set("CURVE_SECRETKEY", []byte(secret.Z85()))
			case "PLAIN":
				z.set("PLAIN_USERNAME", []byte("ada"))
				z.set("PLAIN_PASSWORD", []byte("lovelace"))
			}
			z.connect(s.endpoint)
		}
		s.await(t, gozmq.EventAuthFailed, 1)
		if n := s.count(gozmq.EventConnected); n > 0 {
			t.Errorf("%s: %d peers were connected", name, n)
		}
	}
}

// authRequest looks at what an authenticator is asked and what becomes of its
// answer.
func authRequest(t *testing.T, at *env) {
	asked, names := make(chan gozmq.AuthRequest, 10), make(chan string, 10)
	auth := func(_ context.Context, r *gozmq.AuthRequest) (*gozmq.AuthIdentity, error) {
		asked <- *r
		if r.User != "ada" {
			return nil, errors.New("not on the list")
		}
		return &gozmq.AuthIdentity{Name: "countess"}, nil
	}
	s := at.serve(t, func(ctx context.Context, req *text) (*text, error) {
		if info := gozmq.CallInfoFromContext(ctx); info != nil && info.Peer.Identity != nil {
			names <- info.Peer.Identity.Name
		}
		return req, nil
	}, gozmq.WithSecurity(gozmq.PlainServer(auth).WithDomain("lab")))
	if at.isLibzmq() {
		z := at.socket(t, "REQ", options{"PLAIN_USERNAME": []byte("ada"), "PLAIN_PASSWORD": []byte("lovelace")})
		z.connect(s.endpoint)
		asks(t, z, "hello")
	} else {
		works(t, dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(gozmq.PlainClient("ada", "lovelace"))))
	}
	r := testkit.Receive(t, asked, "the request")
	got := fmt.Sprint(r.Mechanism, " ", r.Domain, " ", r.User, " ", r.Password, " ", r.Endpoint == s.endpoint, " ", r.Address != "")
	if want := "PLAIN lab ada lovelace true true"; got != want {
		t.Errorf("the authenticator was asked for %q, want %q", got, want)
	}
	if name := testkit.Receive(t, names, "the identity"); name != "countess" {
		t.Errorf("the handler was told %q", name)
	}
}

func zapHandler(t *testing.T, at *env) {
	handler, where := at.bind(t, "REP")
	zap, err := gozmqzap.Dial(gozmq.Connect(where), gozmq.WithLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, zap)
	names := make(chan string, 1)
	s := at.serve(t, func(ctx context.Context, req *text) (*text, error) {
		if info := gozmq.CallInfoFromContext(ctx); info != nil && info.Peer.Identity != nil {
			names <- info.Peer.Identity.Name
		}
		return req, nil
	}, gozmq.WithSecurity(gozmq.PlainServer(zap.Authenticate).WithDomain("lab")))
	c := dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(gozmq.PlainClient("ada", "lovelace")))
	done := c.begin(testkit.Within(t), "hello")
	r := handler.recv()
	if len(r) != 8 {
		t.Fatalf("the request is %q, want 8 frames", r)
	}
	want(t, "the request", []string{r[0], r[2], r[5], r[6], r[7]}, []string{"1.0", "lab", "PLAIN", "ada", "lovelace"})
	handler.send("1.0", r[1], "200", "", "countess", "")
	wantReply(t, done, "hello")
	if name := testkit.Receive(t, names, "the identity"); name != "countess" {
		t.Errorf("the handler was told %q", name)
	}

	c = dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(gozmq.PlainClient("ada", "wrong")))
	r = handler.recv()
	handler.send("1.0", r[1], "400", "no such user", "", "")
	wantReason(t, s.await(t, gozmq.EventAuthFailed, 1), "no such user")
	wantReason(t, c.await(t, gozmq.EventHandshakeFailed, 1), "credentials")
}
