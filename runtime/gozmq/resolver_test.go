package gozmq

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// An addressBook is a resolver whose answers change.
type addressBook struct {
	mu    sync.Mutex
	addrs []netip.Addr
}

func (b *addressBook) set(addrs ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addrs = nil
	for _, a := range addrs {
		b.addrs = append(b.addrs, netip.MustParseAddr(a))
	}
}

func (b *addressBook) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addrs, nil
}

// serveOn runs a server on a port of an address, which answers with its name.
// A call with the body "block" waits for release.
func serveOn(t *testing.T, addr string, port int, began chan<- string, release <-chan struct{}) {
	t.Helper()
	serve(t, Bind(fmt.Sprintf("tcp://%s:%d", addr, port)), []Handler{Handle(echoMethod, func(_ context.Context, req *bytez) (*bytez, error) {
		if string(req.GetValue()) == "block" {
			began <- addr
			<-release
		}
		return wrapperspb.Bytes([]byte(addr)), nil
	})})
}

// Calls are spread over every address of a name. One that goes gets no more of
// them, and those that it has are finished.
func TestCallsToEveryAddress(t *testing.T) {
	const a, b, c = "127.0.0.2", "127.0.0.3", "127.0.0.4"
	ln, err := net.Listen("tcp", a+":0")
	if err != nil {
		t.Skipf("this system has one loopback address only: %v", err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	began, release := make(chan string, 1), make(chan struct{})
	for _, addr := range []string{a, b, c} {
		serveOn(t, addr, port, began, release)
	}
	book := new(addressBook)
	book.set(a, b)
	conn := dial(t, Connect(fmt.Sprintf("dns://name.test:%d", port)), WithResolver(book), WithReconnectBackoff(time.Millisecond, 10*time.Millisecond))
	peers := func(want ...string) {
		t.Helper()
		testkit.Eventually(t, fmt.Sprintf("connections to %q", want), func() bool {
			var have []string
			for _, p := range conn.Stats().Peers {
				host, _, _ := strings.Cut(p.Address, ":")
				have = append(have, host)
			}
			slices.Sort(have)
			slices.Sort(want)
			return equal(have, want)
		})
	}
	ctx := testkit.Within(t)
	call := func(body string) string {
		reply, err := Call[bytez](ctx, conn, echoMethod, wrapperspb.Bytes([]byte(body)))
		if err != nil {
			return err.Error()
		}
		return string(reply.GetValue())
	}
	peers(a, b)
	if err := conn.WaitForServers(ctx, 2); err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for range 20 {
		counts[call("")]++
	}
	if counts[a] != 10 || counts[b] != 10 {
		t.Errorf("the calls went to %v, want ten to each", counts)
	}

	blocked := make(chan string, 1)
	go func() { blocked <- call("block") }()
	slow := testkit.Receive(t, began, "the call")
	rest := map[string]string{a: b, b: a}[slow]
	book.set(rest, c)
	testkit.Eventually(t, "a call to the new address", func() bool { return call("") == c })
	for range 20 {
		if got := call(""); got == slow {
			t.Errorf("a call went to %s, which is to be left", got)
		}
	}
	close(release)
	if got := testkit.Receive(t, blocked, "the answer"); got != slow {
		t.Errorf("the call to %s was answered by %s", slow, got)
	}
	peers(rest, c)
}
