package conformance

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// curveOptions are those of a client of libzmq.
func curveOptions(server gozmq.PublicKey, secret gozmqcurve.SecretKey) options {
	return options{
		"CURVE_SERVERKEY": []byte(server.String()),
		"CURVE_PUBLICKEY": []byte(secret.Public().String()),
		"CURVE_SECRETKEY": []byte(secret.Z85()),
	}
}

// zmqCurveServer binds a server of libzmq, which lets everyone in.
func zmqCurveServer(t *testing.T, at *env, kind string, key gozmqcurve.SecretKey) (*zmqSocket, string) {
	t.Helper()
	z := at.socket(t, kind, options{"CURVE_SERVER": 1, "CURVE_SECRETKEY": []byte(key.Z85())})
	return z, z.bind(at.endpoint())
}

func curveLetsIn(t *testing.T, at *env) {
	key, own := gozmqtest.CurveKey(t), gozmqtest.CurveKey(t)
	s := at.serve(t, echo, gozmq.WithSecurity(gozmqcurve.Server(key, gozmq.AllowAny)))
	security := gozmq.WithSecurity(gozmqcurve.Client(own, key.Public()))
	c := dial(t, gozmq.Connect(s.endpoint), security)
	for _, n := range sizes {
		wantReply(t, c.begin(testkit.Within(t), strings.Repeat("x", n)), strings.Repeat("x", n))
	}
	if !at.isLibzmq() {
		return
	}
	z := at.socket(t, "REQ", curveOptions(key.Public(), own))
	z.connect(s.endpoint)
	zmqServer, where := zmqCurveServer(t, at, "REP", key)
	c = dial(t, gozmq.Connect(where), security)
	for _, n := range sizes {
		asks(t, z, strings.Repeat("x", n))
		answers(t, zmqServer, c, strings.Repeat("x", n))
	}

	p := publish(t, gozmq.Bind(at.endpoint()), gozmq.WithSecurity(gozmqcurve.Server(key, gozmq.AllowAny)))
	sub := at.socket(t, "SUB", curveOptions(key.Public(), own))
	sub.connect(p.Addrs()[0])
	sub.subscribe("a")
	p.awaitSubscribers(t, "a", 1)
	p.tell(t, "b", "a")
	want(t, "the publication", sub.recv(), about(t, "a"))

	xpub, where := zmqCurveServer(t, at, "XPUB", key)
	a := listen(t, subscribe(t, gozmq.Connect(where), security), exactly("a"))
	wantSubscription(t, xpub, 1, "a")
	xpub.send(about(t, "a")...)
	a.want("a")
}

// curveEncrypts stands between two of our ends and keeps what passes.
func curveEncrypts(t *testing.T, at *env) {
	const secret = "not for everyone's eyes"
	key := gozmqtest.CurveKey(t)
	s := at.serve(t, echo, gozmq.WithSecurity(gozmqcurve.Server(key, gozmq.AllowAny)))
	ln := at.listen(t)
	c := dial(t, gozmq.Connect(ln.endpoint), gozmq.WithSecurity(gozmqcurve.Client(gozmqtest.CurveKey(t), key.Public())))
	done := c.begin(testkit.Within(t), secret)
	near, far := ln.accept(), at.connect(t, s.endpoint)
	var passed [2]bytes.Buffer
	var wg sync.WaitGroup
	pass := func(to, from net.Conn, keep *bytes.Buffer) {
		_, _ = io.Copy(io.MultiWriter(to, keep), from)
		to.Close()
	}
	wg.Go(func() { pass(far.conn, near.conn, &passed[0]) })
	wg.Go(func() { pass(near.conn, far.conn, &passed[1]) })
	wantReply(t, done, secret)
	_ = c.Close()
	wg.Wait()
	for i := range passed {
		if b := passed[i].Bytes(); len(b) < 400 || bytes.Contains(b, []byte("everyone")) {
			t.Errorf("%d bytes passed: %q", len(b), b)
		}
	}
}

func curveWrongServer(t *testing.T, at *env) {
	key, other := gozmqtest.CurveKey(t), gozmqtest.CurveKey(t)
	s := at.serve(t, echo, gozmq.WithSecurity(gozmqcurve.Server(key, gozmq.AllowAny)))
	security := gozmq.WithSecurity(gozmqcurve.Client(gozmqtest.CurveKey(t), other.Public()))
	c := dial(t, gozmq.Connect(s.endpoint), security)
	wantReason(t, c.await(t, gozmq.EventHandshakeFailed, 1), "key")
	wantReason(t, s.await(t, gozmq.EventHandshakeFailed, 1), "key")
	if at.isLibzmq() {
		seen := s.count(gozmq.EventHandshakeFailed)
		z := at.socket(t, "REQ", curveOptions(other.Public(), gozmqtest.CurveKey(t)))
		z.connect(s.endpoint)
		s.await(t, gozmq.EventHandshakeFailed, seen+1)
		_, where := zmqCurveServer(t, at, "REP", key)
		c := dial(t, gozmq.Connect(where), security)
		wantReason(t, c.await(t, gozmq.EventHandshakeFailed, 1), "key")
	}
	if n := s.count(gozmq.EventConnected); n > 0 {
		t.Errorf("%d peers were connected", n)
	}
	works(t, dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(gozmqcurve.Client(gozmqtest.CurveKey(t), key.Public()))))
}

func curveUnknownClient(t *testing.T, at *env) {
	key, known := gozmqtest.CurveKey(t), gozmqtest.CurveKey(t)
	s := at.serve(t, echo, gozmq.WithSecurity(gozmqcurve.Server(key, func(_ context.Context, r *gozmq.AuthRequest) (*gozmq.AuthIdentity, error) {
		if r.PublicKey != known.Public() {
			return nil, errors.New("not on the list")
		}
		return &gozmq.AuthIdentity{Name: "known"}, nil
	})))
	if at.isLibzmq() {
		z := at.socket(t, "REQ", curveOptions(key.Public(), gozmqtest.CurveKey(t)))
		z.connect(s.endpoint)
		z.await("HANDSHAKE_FAILED_AUTH")
		z.close()
		z = at.socket(t, "REQ", curveOptions(key.Public(), known))
		z.connect(s.endpoint)
		asks(t, z, "hello")
	} else {
		c := dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(gozmqcurve.Client(gozmqtest.CurveKey(t), key.Public())))
		wantReason(t, c.await(t, gozmq.EventHandshakeFailed, 1), "credentials")
		works(t, dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(gozmqcurve.Client(known, key.Public()))))
	}
	wantReason(t, s.await(t, gozmq.EventAuthFailed, 1), "not on the list")
}

func curveMalformed(t *testing.T, at *env) {
	key := gozmqtest.CurveKey(t)
	s := at.serve(t, echo, gozmq.WithSecurity(gozmqcurve.Server(key, gozmq.AllowAny)))
	// HELLO has 200 bytes with its name, and begins with the version 1.0.
	hello := func(n int, version string) []byte {
		return rawzmtp.Command("HELLO", version+strings.Repeat("\x00", n-6-len(version)))
	}
	for i, bad := range [][]byte{
		hello(200, "\x01\x00"), // all zeros: no key, no box
		hello(200, "\x02\x00"),
		hello(200, "\x01\x01"),
		hello(199, "\x01\x00"),
		hello(201, "\x01\x00"),
		rawzmtp.Command("HELLO", "\x01\x00"+strings.Repeat("\xff", 192)),
		rawzmtp.Command("HELLO", ""),
		rawzmtp.Command("INITIATE", strings.Repeat("x", 300)),
		rawzmtp.Command("WELCOME", strings.Repeat("x", 160)),
		rawzmtp.Ready("Socket-Type", "REQ"),
		rawzmtp.Message("hello"),
		append([]byte{0, 33}, "\x07MESSAGE"+strings.Repeat("x", 25)...),
	} {
		w := at.connect(t, s.endpoint)
		w.tryWrite(append(rawzmtp.Greeting(3, 1, "CURVE"), bad...))
		if last := w.wantClosed(); strings.Contains(last, "WELCOME") {
			t.Errorf("%.40q was answered with WELCOME", bad)
		}
		s.await(t, gozmq.EventHandshakeFailed, i+1)
	}
	if n := s.count(gozmq.EventConnected); n > 0 {
		t.Errorf("%d of them were connected", n)
	}
	works(t, dial(t, gozmq.Connect(s.endpoint), gozmq.WithSecurity(gozmqcurve.Client(gozmqtest.CurveKey(t), key.Public()))))
}

// z85 uses the keys that libzmq's documentation and tests use.
func z85(t *testing.T, at *env) {
	const (
		publicZ85, secretZ85 = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
		publicHex            = "bb88471d65e2659b30c55a5321cebb5aab2b70a398645c26dca2b2fcb43fc518"
	)
	public, err := gozmqcurve.ParsePublicKey(publicZ85)
	if err != nil || hex.EncodeToString(public[:]) != publicHex || public.String() != publicZ85 {
		t.Fatalf("got %x, %v", public[:], err)
	}
	secret, err := gozmqcurve.ParseSecretKey(secretZ85)
	if err != nil || secret.Public() != public || secret.Z85() != secretZ85 {
		t.Fatalf("the secret key has the public key %v, %v", secret.Public(), err)
	}
	for _, bad := range []string{"", publicZ85[:39], publicZ85 + "a", strings.Replace(publicZ85, "Y", "\"", 1), strings.Replace(publicZ85, "Y", "é", 1)} {
		if _, err := gozmqcurve.ParsePublicKey(bad); err == nil {
			t.Errorf("%q is taken for a key", bad)
		}
	}
	if !at.isLibzmq() {
		return
	}
	s := at.serve(t, echo, gozmq.WithSecurity(gozmqcurve.Server(secret, gozmq.AllowAny)))
	z := at.socket(t, "REQ", curveOptions(public, gozmqtest.CurveKey(t)))
	z.connect(s.endpoint)
	asks(t, z, "hello")
}
