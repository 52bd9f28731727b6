package gozmq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
)

func curveKey(t testing.TB) *curve.Secret {
	t.Helper()
	k, err := curve.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// curveServer is gozmqcurve.Server, which stands above this package.
func curveServer(k *curve.Secret, auth Authenticator) Security {
	return makeSecurity(&handshake.Security{Mechanism: handshake.Curve, Server: true, Secret: k, Authenticate: auth.link()}, nil)
}

// curveClient is gozmqcurve.Client.
func curveClient(k *curve.Secret, server curve.Public) Security {
	return makeSecurity(&handshake.Security{Mechanism: handshake.Curve, Secret: k, ServerKey: server}, nil)
}

// A lock is one mechanism with an identity that gets in and one that does not.
type lock struct {
	name           string
	server         Security
	client, banned Security
}

// locks returns each mechanism; the good client is called "ada".
func locks(t testing.TB) []lock {
	server, ada := curveKey(t), curveKey(t)
	only := func(_ context.Context, r *AuthRequest) (*AuthIdentity, error) {
		if r.PublicKey != PublicKey(ada.Public()) {
			return nil, errors.New("not on the list")
		}
		return &AuthIdentity{Name: "ada", Metadata: map[string]string{"role": "admin"}}, nil
	}
	return []lock{
		{"CURVE", curveServer(server, only), curveClient(ada, server.Public()), curveClient(curveKey(t), server.Public())},
		{"PLAIN", PlainServer(Passwords(map[string]string{"ada": "lovelace"})), PlainClient("ada", "lovelace"), PlainClient("ada", "Lovelace")},
	}
}

func overLocks(t *testing.T, test func(t *testing.T, s site, l lock)) {
	for _, l := range locks(t) {
		t.Run(l.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, s site) { test(t, s, l) })
		})
	}
}

// refusedOnce checks that a refusal is reported on both sides.
func refusedOnce(t *testing.T, there, here *recorder) {
	t.Helper()
	if e := there.wait(t, EventAuthFailed, 1); e.Err == nil || e.Peer == "" && e.Endpoint == "" {
		t.Errorf("the accepting side is told %+v", e)
	}
	wantText(t, here.wait(t, EventHandshakeFailed, 1).Err, "does not accept our credentials")
}

func TestSecuredCalls(t *testing.T) {
	overLocks(t, func(t *testing.T, s site, l lock) {
		var mu sync.Mutex
		var seen []string
		note := func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
			p := PeerFromContext(ctx)
			mu.Lock()
			defer mu.Unlock()
			if p == nil || p != call.Peer {
				t.Errorf("the context has the peer %+v, the call %+v", p, call.Peer)
				return next(ctx, req)
			}
			seen = append(seen, fmt.Sprint(p.Identity.Name, p.Mechanism, p.SocketType, p.User))
			return next(ctx, req)
		}
		_, c := s.pair(t, echoHandlers(), []ServerOption{WithSecurity(l.server), WithInterceptors(note)}, []DialOption{WithSecurity(l.client)})
		mustEcho(t, c)
		if err := callEcho(testkit.Within(t), c, strings.Repeat("large ", 100_000)); err != nil {
			t.Error(err)
		}
		user := ""
		if l.name == "PLAIN" {
			user = "ada"
		}
		if want := fmt.Sprint("ada", l.name, "DEALER", user); len(seen) != 2 || seen[0] != want {
			t.Errorf("the interceptor saw %q, want %q", seen, want)
		}
	})
}

func TestRefusedCalls(t *testing.T) {
	overLocks(t, func(t *testing.T, s site, l lock) {
		there, here := newRecorder(), newRecorder()
		_, c := s.pair(t, echoHandlers(), []ServerOption{WithSecurity(l.server), there.option()}, []DialOption{WithSecurity(l.banned), here.option(), WithReadyTimeout(100 * time.Millisecond)})
		if s.swapped { // the server dials: it is the one that hears of the client's end
			there.wait(t, EventAuthFailed, 1)
			return
		}
		refusedOnce(t, there, here)
		wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeUnavailable, "does not accept our credentials")
	})
}

func TestSecuredFeed(t *testing.T) {
	overLocks(t, func(t *testing.T, s site, l lock) {
		pub, _, sub := s.feed(t, []PublisherOption{WithSecurity(l.server)}, []SubscriberOption{WithSecurity(l.client)})
		got := listen(t, pub, sub, stations("ams")...)
		for i := range 100 {
			publish(t, pub, at("ams", fmt.Sprint(i)))
		}
		for i := range 100 {
			wantEqual(t, got.next(t), at("ams", fmt.Sprint(i)))
		}
	})
}

// TestSecuredPipeline has a ventilator and a sink of different mechanisms with
// a worker between them.
func TestSecuredPipeline(t *testing.T) {
	for _, l := range locks(t) {
		t.Run(l.name, func(t *testing.T) {
			overEach(t, func(t *testing.T, s site) {
				v := ventilator(t, Bind(s.endpoint), WithSecurity(l.server))
				k := sink(t, Bind("tcp://127.0.0.1:*"), WithSecurity(l.server))
				work(t, []TaskHandler{HandleTask(squareMethod, squares)}, WithSecurity(l.client),
					From(Connect(v.Addrs()...)), To(Connect(k.Addrs()...)))
				results := follow(t, func(ctx context.Context) seq[*number] { return Results[number](ctx, k, squareMethod) })
				for i := range int64(50) {
					if err := v.Push(testkit.Within(t), squareMethod, wrapperspb.Int64(i)); err != nil {
						t.Fatal(err)
					}
				}
				sum := int64(0)
				for range 50 {
					sum += results.next(t).GetValue()
				}
				if sum != 40425 {
					t.Errorf("the squares add up to %d", sum)
				}
			})
		})
	}
}

// TestPerEndpoint has one server that is open on ipc and secured on tcp.
func TestPerEndpoint(t *testing.T) {
	l := locks(t)[0]
	here := newRecorder()
	both := Bind("ipc://*").Secured(NullClient())
	Bind("tcp://127.0.0.1:*").add(&both)
	s := serve(t, both, echoHandlers(), WithSecurity(l.server))
	open, secured := s.Addrs()[0], s.Addrs()[1]
	mustEcho(t, dial(t, Connect(open)))
	mustEcho(t, dial(t, Connect(secured), WithSecurity(l.client)))
	mustEcho(t, dial(t, Connect(open), Connect(secured).Secured(l.client)))
	dial(t, Connect(secured), here.option())
	wantText(t, here.wait(t, EventHandshakeFailed, 1).Err, `mechanism "CURVE", this socket speaks NULL`)
}

func TestSubscriptionRule(t *testing.T) {
	for _, l := range locks(t) {
		t.Run(l.name, func(t *testing.T) {
			events := newRecorder()
			pub := publisher(t, Bind("tcp://127.0.0.1:*"), WithSecurity(l.server), events.option(),
				WithSubscriptionRule(func(p *Peer, prefix []byte) error {
					if p.Identity.Name != "ada" || p.SocketType != "SUB" {
						t.Errorf("asked for %+v", p)
					}
					if !bytes.HasPrefix(prefix, []byte("weather/ams")) {
						return errors.New("only weather/ams")
					}
					return nil
				}))
			sub := subscriber(t, Connect(pub.Addrs()[0]), WithSecurity(l.client))
			all := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, sub, []stationFilter{{}}) })
			e := events.wait(t, EventSubscriptionRefused, 1)
			if wantText(t, e.Err, "only weather/ams"); e.Topic != "weather/" || e.Peer == "" {
				t.Errorf("the event is %+v", e)
			}
			ams := listen(t, pub, sub, stations("ams")...)
			publish(t, pub, at("rtm", ""), at("ams", ""))
			wantEqual(t, ams.next(t), at("ams", ""))
			wantEqual(t, all.next(t), at("ams", "")) // what it has a right to, and not Rotterdam's
			if slices.Contains(events.kinds(), EventDisconnected) {
				t.Error("the subscriber was disconnected")
			}
		})
	}
}

// TestAdmission has every kind of socket that binds let no one in.
func TestAdmission(t *testing.T) {
	l := locks(t)[0]
	rules := map[string]func(*Peer) error{
		"no vacancy": func(p *Peer) error {
			if p.Identity.Name != "ada" || p.SocketType == "" || p.Endpoint == "" || p.PublicKey == (PublicKey{}) {
				return fmt.Errorf("asked for %+v", p)
			}
			return errors.New("no vacancy")
		},
		"panicked": func(*Peer) error { panic("at the door") },
	}
	for text, rule := range rules {
		for kind, pair := range map[string]func(at Endpoints, there SocketOption) (addrs []string, dial func(Endpoints, SocketOption)){
			"server": func(at Endpoints, there SocketOption) ([]string, func(Endpoints, SocketOption)) {
				r := serve(t, at, echoHandlers(), WithSecurity(l.server), WithAdmission(rule), there)
				return r.Addrs(), func(to Endpoints, here SocketOption) { dial(t, to, WithSecurity(l.client), here) }
			},
			"publisher": func(at Endpoints, there SocketOption) ([]string, func(Endpoints, SocketOption)) {
				p := publisher(t, at, WithSecurity(l.server), WithAdmission(rule), there)
				return p.Addrs(), func(to Endpoints, here SocketOption) { subscriber(t, to, WithSecurity(l.client), here) }
			},
			"ventilator": func(at Endpoints, there SocketOption) ([]string, func(Endpoints, SocketOption)) {
				v := ventilator(t, at, WithSecurity(l.server), WithAdmission(rule), there)
				return v.Addrs(), func(to Endpoints, here SocketOption) {
					work(t, []TaskHandler{HandleTaskOnly(logMethod, func(context.Context, *number) error { return nil })}, From(to), WithSecurity(l.client), here)
				}
			},
			"sink": func(at Endpoints, there SocketOption) ([]string, func(Endpoints, SocketOption)) {
				k := sink(t, at, WithSecurity(l.server), WithAdmission(rule), there)
				return k.Addrs(), func(to Endpoints, here SocketOption) { ventilator(t, to, WithSecurity(l.client), here) }
			},
		} {
			t.Run(text+" "+kind, func(t *testing.T) {
				there, here := newRecorder(), newRecorder()
				addrs, connect := pair(Bind("tcp://127.0.0.1:*"), there.option())
				connect(Connect(addrs...), here.option())
				wantText(t, there.wait(t, EventAuthFailed, 1).Err, text)
				refusedOnce(t, there, here)
			})
		}
	}
}

func TestPasswords(t *testing.T) {
	if _, err := Passwords(nil)(t.Context(), &AuthRequest{Mechanism: MechanismPlain}); err == nil {
		t.Error("an empty user gets in with an empty password")
	}
	if _, err := Passwords(map[string]string{"": ""})(t.Context(), &AuthRequest{Mechanism: MechanismCurve}); err == nil {
		t.Error("CURVE gets in without a password")
	}
}

func TestSecurityErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		option SocketOption
		text   string
	}{
		"zero":                    {WithSecurity(Security{}), "make one with gozmqcurve.Server"},
		"no user":                 {WithSecurity(PlainClient("", "x")), "user of 0 bytes"},
		"long user":               {WithSecurity(PlainClient(strings.Repeat("x", 256), "x")), "user of 256 bytes"},
		"long password":           {WithSecurity(PlainClient("x", strings.Repeat("x", 256))), "password of 256 bytes"},
		"wrong one with a domain": {WithSecurity(Security{}.WithDomain("x")), "make one with gozmqcurve.Server"},
		"nil admission":           {WithAdmission(nil), "WithAdmission"},
	} {
		for kind, open := range constructors {
			t.Run(name+" "+kind, func(t *testing.T) {
				_, err := open(tt.option, Connect("tcp://127.0.0.1:1"))
				wantText(t, err, tt.text)
			})
		}
	}
	_, err := Dial(Connect("tcp://127.0.0.1:1"), WithSecurity(NullClient()), WithSecurity(NullClient()))
	wantText(t, err, "given twice")
	_, err = Dial(Connect("tcp://127.0.0.1:1").Secured(Security{}))
	wantText(t, err, "tcp://127.0.0.1:1", "make one with gozmqcurve.Server")
	_, err = NewPublisher(Bind("tcp://127.0.0.1:*"), WithSubscriptionRule(nil))
	wantText(t, err, "WithSubscriptionRule")
}
