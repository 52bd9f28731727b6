package zmtp

import (
	"strings"
	"testing"
)

// TestCompatible holds the whole matrix against RFC 23's table.
func TestCompatible(t *testing.T) {
	types := []SocketType{Req, Rep, Dealer, Router, Pub, XPub, Sub, XSub, Push, Pull, "", "PAIR", "STREAM", "CLIENT", "req"}
	talksTo := map[SocketType]string{
		Req:    "REP ROUTER",
		Rep:    "REQ DEALER",
		Dealer: "REP DEALER ROUTER",
		Router: "REQ DEALER ROUTER",
		Pub:    "SUB XSUB",
		XPub:   "SUB XSUB",
		Sub:    "PUB XPUB",
		XSub:   "PUB XPUB",
		Push:   "PULL",
		Pull:   "PUSH",
	}
	for _, a := range types {
		peers := strings.Fields(talksTo[a])
		for _, b := range types {
			want := false
			for _, p := range peers {
				want = want || p == string(b)
			}
			if got := a.Compatible(b); got != want {
				t.Errorf("%q.Compatible(%q) = %v, want %v", a, b, got, want)
			}
			if a.Compatible(b) != b.Compatible(a) {
				t.Errorf("%q and %q do not agree whether they fit", a, b)
			}
		}
	}
}
