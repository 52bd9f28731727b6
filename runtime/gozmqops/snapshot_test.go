package gozmqops

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// must returns v, closed at the end of the test.
func must[T interface{ Close() error }](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = v.Close() })
		return v
	}
}

// reason returns why a socket of the group is not ready.
func reason(g *Group, title string) string {
	for _, s := range g.Snapshot().Sockets {
		if s.Name+s.Side == title {
			return s.Reason
		}
	}
	return "no such socket"
}

// TestReady looks at every role before its peers are there, with them, and after
// Close.
func TestReady(t *testing.T) {
	at := func(name string) string { return "inproc://" + t.Name() + "/" + name }
	var g Group
	add := func(name string, role any) {
		t.Helper()
		if err := g.Add(name, role); err != nil {
			t.Fatal(err)
		}
	}
	client := must[*gozmq.Conn](t)(gozmq.Dial(gozmq.Connect(at("call"))))
	add("client", client)
	add("subscriber", must[*gozmq.Subscriber](t)(gozmq.NewSubscriber(gozmq.Connect(at("topics"), at("other topics")))))
	add("sink", must[*gozmq.Sink](t)(gozmq.NewSink(gozmq.Bind(at("results")))))
	add("proxy", must[*gozmq.Proxy](t)(gozmq.NewProxy(gozmq.PatternReqRep, gozmq.Front(gozmq.Bind(at("call"))), gozmq.Back(gozmq.Connect(at("server"))))))
	if g.Snapshot().Ready {
		t.Error("a group whose sockets lack peers is ready")
	}
	testkit.Eventually(t, "the client's proxy", func() bool { return reason(&g, "client") == "" })
	if got := reason(&g, "sink") + reason(&g, "proxyfront"); got != "" {
		t.Errorf("what only binds is not ready: %s", got)
	}
	if got := reason(&g, "proxyback"); got != "nobody is connected at "+at("server") {
		t.Errorf("the proxy's back: %q", got)
	}
	must[*gozmq.Publisher](t)(gozmq.NewPublisher(gozmq.Bind(at("topics"))))
	testkit.Eventually(t, "one publisher", func() bool { return strings.HasSuffix(reason(&g, "subscriber"), at("other topics")) })
	must[*gozmq.Publisher](t)(gozmq.NewPublisher(gozmq.Bind(at("other topics"))))
	must[*gozmq.Proxy](t)(gozmq.NewProxy(gozmq.PatternReqRep, gozmq.Front(gozmq.Bind(at("server"))), gozmq.Back(gozmq.Bind(at("back")))))
	testkit.Eventually(t, "a ready group", func() bool { return g.Snapshot().Ready })
	if _, err := json.Marshal(g.Snapshot()); err != nil {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if got := reason(&g, "client"); !strings.Contains(got, "closed") {
		t.Errorf("a closed client: %q", got)
	}
	g.Remove("client")
	if !g.Snapshot().Ready {
		t.Error("a role that was removed counts")
	}
	if g.Add("x", 1) == nil || g.Add("sink", client) == nil {
		t.Error("what is no role, or a name that is taken, is added")
	}
}
