package gozmq

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A guardedProxy is where the ends of a proxy connect that has a mechanism on
// one of its sides and none on the other.
type guardedProxy struct {
	front, back Endpoints
	secured     string // the address of the side with the mechanism
	events      *recorder
}

// overGuardedProxies runs a test with each mechanism on either side, whose
// server is the proxy, or its peer there.
func overGuardedProxies(t *testing.T, pattern Pattern, test func(t *testing.T, g guardedProxy)) {
	const anyPort = "tcp://127.0.0.1:*"
	for _, l := range locks(t) {
		for name, roles := range map[string][2]Security{"serves": {l.server, l.client}, "is let in": {l.client, l.server}} {
			t.Run(l.name+", the front "+name, func(t *testing.T) {
				events := newRecorder()
				p := proxy(t, pattern, Bind(anyPort).Secured(roles[0]), Bind(anyPort), events.option())
				front, back := p.FrontAddrs()[0], p.BackAddrs()[0]
				test(t, guardedProxy{Connect(front).Secured(roles[1]), Connect(back), front, events})
			})
			t.Run(l.name+", the back "+name, func(t *testing.T) {
				events := newRecorder()
				p := proxy(t, pattern, Bind(anyPort), Bind(anyPort).Secured(roles[0]), events.option())
				front, back := p.FrontAddrs()[0], p.BackAddrs()[0]
				test(t, guardedProxy{Connect(front), Connect(back).Secured(roles[1]), back, events})
			})
		}
	}
}

// refuses waits until the proxy has refused a peer that comes without the
// mechanism.
func (g guardedProxy) refuses(t *testing.T) {
	t.Helper()
	dial(t, Connect(g.secured))
	wantText(t, g.events.wait(t, EventHandshakeFailed, 1).Err, `peer wants security mechanism "NULL"`)
}

func TestGuardedProxyReqRep(t *testing.T) {
	overGuardedProxies(t, PatternReqRep, func(t *testing.T, g guardedProxy) {
		serve(t, g.back, echoHandlers())
		mustEcho(t, dial(t, g.front))
		g.refuses(t)
	})
}

func TestGuardedProxyPubSub(t *testing.T) {
	overGuardedProxies(t, PatternPubSub, func(t *testing.T, g guardedProxy) {
		pub := publisher(t, g.front)
		readings := listen(t, pub, subscriber(t, g.back), stations("ams")...)
		publish(t, pub, at("rtm", "1"), at("ams", "2"))
		wantEqual(t, readings.next(t), at("ams", "2"))
		g.refuses(t)
	})
}

func TestGuardedProxyPushPull(t *testing.T) {
	overGuardedProxies(t, PatternPushPull, func(t *testing.T, g guardedProxy) {
		v, k := ventilator(t, g.front), sink(t, g.back)
		tasks := follow(t, func(ctx context.Context) seq[*number] { return Results[number](ctx, k, squareMethod) })
		for n := range int64(100) {
			if err := v.Push(testkit.Within(t), squareMethod, wrapperspb.Int64(n)); err != nil {
				t.Fatal(err)
			}
		}
		for n := range int64(100) {
			wantEqual(t, tasks.next(t), wrapperspb.Int64(n))
		}
		g.refuses(t)
	})
}
