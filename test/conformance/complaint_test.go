package conformance

import (
	"fmt"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

func subReady(t *testing.T, at *env) {
	publishers, endpoints := at.several(t, "XPUB", 2)
	s := subscribe(t, gozmq.Connect(endpoints...))
	a := listen(t, s, exactly("a"))
	for _, p := range publishers {
		if r, ok := p.(*rawPeer); ok {
			r.meet()
			go func() { // a PUB of libzmq answers by itself
				if r.awaitCommand("SUBSCRIBE") == "a" {
					for range 2 { // one that is not ours is asked twice
						r.tryWrite(rawzmtp.Command("PONG", r.awaitCommand("PING")[2:]))
					}
				}
			}()
		}
	}
	if err := s.Ready(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	for i, p := range publishers {
		if z, ok := p.(*zmqSocket); ok {
			z.recv() // has it look at what is in its socket
		}
		p.send("a", encode(t, fmt.Sprint("first of ", i)))
		a.want(fmt.Sprint("first of ", i))
	}

	// Our publisher needs no such look.
	pub := publish(t, gozmq.Bind(at.endpoint()))
	s = subscribe(t, gozmq.Connect(pub.Addrs()[0]))
	b := listen(t, s, exactly("b"))
	if err := s.Ready(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	pub.tell(t, "b")
	b.want("b")
}

// halfOpen has a line between publisher and subscriber that swallows everything
// without closing anything.
func halfOpen(t *testing.T, at *env) {
	p, where := at.bind(t, "XPUB")
	line := gozmqtest.NewProxy(t, where)
	s := subscribe(t, gozmq.Connect(line.Endpoint()), gozmq.WithHeartbeat(20*time.Millisecond, 500*time.Millisecond))
	a := listen(t, s, exactly("a"))
	wantSubscription(t, p, 1, "a")
	p.send(about(t, "a")...)
	a.want("a")
	s.await(t, gozmq.EventConnected, 1)

	line.Drop(true)
	p.send("a", encode(t, "into the void"))
	wantReason(t, s.await(t, gozmq.EventHeartbeatLost, 1), "nothing received")
	if r, ok := p.(*rawPeer); ok {
		r.wire.close()
		r.wire = nil // the next connection is another one
	}
	line.Drop(false)
	if at.isLibzmq() {
		line.Reset() // libzmq has no heartbeats here: it would hold the old one for good
		wantSubscription(t, p, 0, "a")
	}
	wantSubscription(t, p, 1, "a")
	p.send("a", encode(t, "back"))
	a.want("back")
}
