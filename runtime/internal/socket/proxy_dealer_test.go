package socket

import (
	"context"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// resending sends requests again when their server is lost.
type resending struct {
	dealer *ProxyDealer
	placed chan *link.Conn
	lost   chan *link.Conn
}

func (r *resending) Receive(*link.Conn, *link.Batch) {}

func (r *resending) Stays([][]byte) bool { return true }

func (r *resending) Lost(c *link.Conn) {
	for range 4 { // more than one turn
		_ = r.dealer.SendPlaced(context.Background(), &Frames{Parts: [][]byte{[]byte("again")}}, func(c *link.Conn) { r.placed <- c })
	}
	r.lost <- c
}

// A request that is sent because a server is lost does not go to that server.
func TestProxyDealerLost(t *testing.T) {
	for _, network := range networks {
		r := &resending{placed: make(chan *link.Conn, 64), lost: make(chan *link.Conn, 64)}
		r.dealer = NewProxyDealer(testConfig(zmtp.Dealer, newRecorder()), r)
		closing(t, r.dealer.Shutdown)
		ep := bind(t, r.dealer.Links(), network)
		stays, goes := zmtptest.DialAs(t, ep, zmtp.Router), zmtptest.DialAs(t, ep, zmtp.Router)
		if err := r.dealer.push.WaitPeers(testkit.Within(t), 2); err != nil {
			t.Fatal(err)
		}
		goes.Close()
		lost := testkit.Receive(t, r.lost, "the end of the server")
		for range 4 {
			if c := <-r.placed; c == lost {
				t.Fatalf("%s: a request went to the server that was lost", network)
			}
			if m := stays.Message(); len(m) != 1 || string(m[0]) != "again" {
				t.Errorf("%s: the other server got %q", network, m)
			}
		}
	}
}
