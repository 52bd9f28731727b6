package conformance

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// An env is one column of the table: a transport, and who is at the other end
// of it.
type env struct {
	name   string
	column columns
	any    string // an endpoint to bind; all but those of tcp get a number
	peers  *peers
}

// peers starts what the other ends need, once for all tests.
type peers struct {
	folder  string  // of ipc sockets
	driver  *driver // of libzmq; nil until it is needed
	endings atomic.Int64
}

func newPeers(t *testing.T) *peers {
	folder, err := os.MkdirTemp("", "gozmq") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	p := &peers{folder: folder}
	t.Cleanup(func() {
		defer os.RemoveAll(folder)
		if p.driver != nil {
			p.driver.close()
		}
	})
	return p
}

func (p *peers) envs() []*env {
	return []*env{
		{"tcp", onTCP, "tcp://127.0.0.1:*", p},
		{"ipc", onIPC, "ipc://" + p.folder + "/", p},
		{"inproc", onInproc, "inproc://conformance/", p},
		{"libzmq tcp", onLibzmqTCP, "tcp://127.0.0.1:*", p},
		{"libzmq ipc", onLibzmqIPC, "ipc://" + p.folder + "/", p},
	}
}

func (at *env) path() string { return strings.ReplaceAll(at.name, " ", "_") }

func (at *env) isLibzmq() bool { return at.column&libzmq != 0 }

// available skips a test against libzmq unless it is asked for. A skipped test
// is no pass in docs/CONFORMANCE.md.
func (at *env) available(t *testing.T) {
	t.Helper()
	if !at.isLibzmq() {
		return
	}
	if os.Getenv("GOZMQ_INTEROP") != "1" {
		t.Skip("runs against libzmq with GOZMQ_INTEROP=1")
	}
	if at.peers.driver == nil {
		at.peers.driver = startDriver(t)
	}
}

// endpoint returns an endpoint to bind that nothing else uses.
func (at *env) endpoint() string {
	if at.column&(onTCP|onLibzmqTCP) != 0 {
		return at.any
	}
	return fmt.Sprint(at.any, at.peers.endings.Add(1))
}

// A peer is a socket at the other end: one connection of a type that is played
// by hand, or a socket of libzmq. What it sends and receives is what a program
// with such a socket does, but that a ROUTER has no identity frame: it answers
// who wrote last.
type peer interface {
	send(frames ...string)
	// recv waits for the next message.
	recv() []string
	subscribe(prefix string)
	cancel(prefix string)
	// close ends the connection, or the socket without linger.
	close()
}

// dial connects a peer of a type to an endpoint of ours.
func (at *env) dial(t *testing.T, kind, endpoint string) peer {
	t.Helper()
	return at.dialAs(t, kind, endpoint, "")
}

// dialAs is dial with an identity.
func (at *env) dialAs(t *testing.T, kind, endpoint, identity string) peer {
	t.Helper()
	if at.isLibzmq() {
		z := at.socket(t, kind, options{})
		if identity != "" {
			z.set("IDENTITY", []byte(identity))
		}
		z.connect(endpoint)
		return z
	}
	w := at.connect(t, endpoint)
	if identity == "" {
		w.shake(kind, 1)
	} else {
		w.shake(kind, 1, "Identity", identity)
	}
	return &rawPeer{wire: w, kind: kind}
}

// bind binds a peer of a type and returns where it can be found.
func (at *env) bind(t *testing.T, kind string) (peer, string) {
	t.Helper()
	if at.isLibzmq() {
		z := at.socket(t, kind, options{})
		return z, z.bind(at.endpoint())
	}
	ln := at.listen(t)
	return &rawPeer{kind: kind, ln: ln}, ln.endpoint
}

// connect opens a connection to an endpoint of ours and says nothing on it.
func (at *env) connect(t *testing.T, endpoint string) *wire {
	t.Helper()
	conn, err := gozmqtest.DialRaw(testkit.Within(t), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return newWire(t, conn)
}

// A listener waits for connections of ours.
type listener struct {
	t        *testing.T
	ln       net.Listener
	endpoint string
}

// listen binds an endpoint for connections of ours.
func (at *env) listen(t *testing.T) *listener {
	t.Helper()
	return listenAt(t, at.endpoint())
}

func listenAt(t *testing.T, endpoint string) *listener {
	t.Helper()
	ln, bound, err := gozmqtest.ListenRaw(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &listener{t, ln, bound}
}

// accept waits for the next connection. Nothing has been said on it.
func (l *listener) accept() *wire {
	l.t.Helper()
	stop := closeAfter(l.ln)
	defer stop()
	conn, err := l.ln.Accept()
	if err != nil {
		l.t.Fatalf("no connection came: %v", err)
	}
	return newWire(l.t, conn)
}
