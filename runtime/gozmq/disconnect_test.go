package gozmq

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// TestDisconnect ends the connections of each role by hand. Peers that dial come
// back, and traffic goes on.
func TestDisconnect(t *testing.T) {
	everyone := func(p *Peer) bool { return p.Address != "" }
	overEach(t, func(t *testing.T, s site) {
		if n := newServer(t, Bind(s.endpoint)).Disconnect(everyone); n != 0 {
			t.Errorf("%d connections of a server that does not listen were ended", n)
		}
		kick := func(what string, role interface{ Disconnect(func(*Peer) bool) int }, events *recorder) {
			t.Helper()
			if n := role.Disconnect(func(*Peer) bool { return false }); n != 0 {
				t.Errorf("%s has ended %d connections, want none", what, n)
			}
			gone := events.count(EventDisconnected)
			testkit.Eventually(t, "a connection of "+what, func() bool { return role.Disconnect(everyone) == 1 })
			wantText(t, events.Wait(t, 0, gone+1, "the end", ofKind(EventDisconnected))[gone].Err, "Disconnect was called")
		}
		servers, clients, publishers := newRecorder(), newRecorder(), newRecorder()
		server := serve(t, Bind(s.endpoint), echoHandlers(), servers.option())
		c := dial(t, Connect(server.addr()), WithReconnectBackoff(1, 1e6))
		mustEcho(t, c)
		kick("the server", server, servers)
		again(t, c)

		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := server.stop(); err != nil {
			t.Fatal(err)
		}
		server = serve(t, Bind(s.endpoint), echoHandlers())
		c = dial(t, Connect(server.addr()), WithReconnectBackoff(1, 1e6), clients.option())
		mustEcho(t, c)
		kick("the client", c, clients)
		again(t, c)
		if err := server.stop(); err != nil {
			t.Fatal(err)
		}

		p := publisher(t, Bind(s.endpoint), publishers.option())
		sub := subscriber(t, Connect(p.Addrs()[0]), WithReconnectBackoff(1, 1e6))
		got := listen(t, p, sub)
		kick("the publisher", p, publishers)
		if err := p.WaitForSubscribers(testkit.Within(t), "weather/ams/temperature", 1); err != nil {
			t.Fatal(err)
		}
		publish(t, p, at("ams", "again"))
		wantEqual(t, got.next(t), at("ams", "again"))
	})
}

// again waits until calls go well. The first one may meet the connection's end.
func again(t *testing.T, c *Conn) {
	t.Helper()
	testkit.Eventually(t, "a good call", func() bool { return callEcho(testkit.Within(t), c, "x") == nil })
}

// TestDisconnectedWorker checks that the tasks of a worker that was disconnected go
// to another one.
func TestDisconnectedWorker(t *testing.T) {
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithRetryBackoff(0, 0))
	bad := rawWorker(t, v, 1)
	if err := v.Push(testkit.Within(t), sureMethod, wrapperspb.Int64(7)); err != nil {
		t.Fatal(err)
	}
	bad.wantTask(sureMethod, 7)
	if n := v.Disconnect(func(p *Peer) bool { return p.SocketType == "DEALER" }); n != 1 {
		t.Fatalf("%d workers were disconnected, want 1", n)
	}
	bad.wantClosed()
	k := sink(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"))
	work(t, surely(squares), From(Connect(v.Addrs()...)), To(Connect(k.Addrs()...)))
	got := follow(t, func(ctx context.Context) seq[*number] { return Results[number](ctx, k, sureMethod) })
	wantEqual(t, got.next(t), wrapperspb.Int64(49))
	if n := k.Disconnect(func(*Peer) bool { return true }); n != 1 {
		t.Errorf("the sink has ended %d connections, want 1", n)
	}
	waitDone(t, v)
}
