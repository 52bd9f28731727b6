package interop

import (
	"net"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/leak"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A meeting says how our end and a Python peer meet: who binds, and to what.
type meeting struct {
	weBind   bool
	endpoint func(t *testing.T) string
}

// meet runs a test for every way to meet.
func meet(t *testing.T, test func(t *testing.T, m meeting)) {
	python(t)
	for _, way := range []struct {
		name string
		meeting
	}{
		{"we bind tcp", meeting{true, tcpEndpoint}},
		{"python binds tcp", meeting{false, tcpEndpoint}},
		{"we bind ipc", meeting{true, ipcEndpoint}},
		{"python binds ipc", meeting{false, ipcEndpoint}},
	} {
		t.Run(way.name, func(t *testing.T) {
			leakChecked(t)
			test(t, way.meeting)
		})
	}
}

// peer starts a script and our end so that they meet. open opens our end with
// the endpoints it is given and returns its addresses.
func (m meeting) peer(t *testing.T, s script, open func(gozmq.Endpoints) []string) *process {
	t.Helper()
	if m.weBind {
		p, _ := s.start(t, "connect", open(gozmq.Bind(m.endpoint(t)))[0])
		return p
	}
	p, at := s.start(t, "bind", m.endpoint(t))
	open(gozmq.Connect(at[0]))
	return p
}

// leakChecked fails the test if it leaves goroutines behind. Call it first, so
// that it looks last.
func leakChecked(t *testing.T) {
	t.Helper()
	before := leak.Now()
	t.Cleanup(func() { leak.Check(t, before) })
}

// closing closes an end when the test ends.
func closing(t *testing.T, end interface{ Close() error }) {
	t.Helper()
	t.Cleanup(func() {
		if err := end.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// get receives from a channel that must deliver.
func get[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-ch:
		if !ok {
			t.Fatal("the stream ended")
		}
		return v
	case <-time.After(testkit.Patience()):
		t.Fatalf("nothing came for %v", testkit.Patience())
	}
	panic("unreachable")
}

// freeEndpoint returns an endpoint at which nobody listens.
func freeEndpoint(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return "tcp://" + ln.Addr().String()
}
