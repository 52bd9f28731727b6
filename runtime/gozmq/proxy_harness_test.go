package gozmq

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// proxy opens a Proxy until the test ends.
func proxy(t testing.TB, pattern Pattern, front, back Endpoints, opts ...ProxyOption) *Proxy {
	t.Helper()
	p, err := NewProxy(pattern, append(opts[:len(opts):len(opts)], Front(front), Back(back))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("Proxy.Close: %v", err)
		}
	})
	return p
}

// A chain is one or more proxies in a row.
type chain []*Proxy

// newChain opens n proxies that bind both their sides, but for those in the
// middle, whose front connects to the back before it.
func newChain(t testing.TB, pattern Pattern, endpoint string, n int, opts ...ProxyOption) chain {
	t.Helper()
	var c chain
	for range n {
		front := Bind(endpoint)
		if len(c) > 0 {
			front = Connect(c.back())
		}
		back := endpoint
		if strings.HasPrefix(endpoint, "inproc") {
			back += "/back" + strings.Repeat("'", len(c))
		}
		c = append(c, proxy(t, pattern, front, Bind(back), opts...))
	}
	return c
}

// front is where those connect who begin.
func (c chain) front() string { return c[0].FrontAddrs()[0] }

// back is where the others connect.
func (c chain) back() string { return c[len(c)-1].BackAddrs()[0] }

// overChains runs a test over each transport with one proxy and with two.
func overChains(t *testing.T, pattern Pattern, test func(t *testing.T, c chain)) {
	for name, hops := range map[string]int{"one proxy": 1, "two proxies": 2} {
		t.Run(name, func(t *testing.T) {
			overEach(t, func(t *testing.T, s site) { test(t, newChain(t, pattern, s.endpoint, hops)) })
		})
	}
}

// wantStats waits until p has counted what is wanted.
func wantStats(t testing.TB, p *Proxy, want ProxyStats) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("counts of %+v", want), func() bool { return p.Stats() == want })
}
