package soak

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type (
	number = wrapperspb.Int64Value
	text   = wrapperspb.StringValue
)

const anyPort = "tcp://127.0.0.1:*"

// Methods as generated code has them. None is idempotent: nothing is tried
// again.
var (
	echoMethod    = &gozmq.Method{Procedure: "soak.Calls/Echo"}
	endlessMethod = &gozmq.Method{Procedure: "soak.Calls/Endless", ServerStreams: true}
	backMethod    = &gozmq.Method{Procedure: "soak.Calls/Back", ClientStreams: true, ServerStreams: true}
	taskMethod    = &gozmq.Method{Procedure: "soak.Tasks/Run"}
	numberTopic   = gozmqimpl.NewTopic[number](numberName, numberName)
)

// numberName is the topic of numberTopic.
const numberName = "soak.Feed/Number"

// fast reconnects without the pauses that are meant for networks.
func fast() gozmq.SocketOption {
	return gozmq.WithReconnectBackoff(time.Millisecond, 20*time.Millisecond)
}

// alert notices soon that a peer is silent.
func alert() gozmq.SocketOption {
	return gozmq.WithHeartbeat(50*time.Millisecond, 250*time.Millisecond)
}

// brisk gives a peer up soon that does not shake hands.
func brisk() gozmq.SocketOption {
	return gozmq.WithConnectTimeout(250*time.Millisecond, 250*time.Millisecond)
}

// A recorder counts the events of a socket.
type recorder struct {
	mu     sync.Mutex
	counts map[gozmq.EventKind]int
	drops  map[string]int // messages by the endpoint that was bound
	change chan struct{}
}

func newRecorder() *recorder {
	return &recorder{counts: make(map[gozmq.EventKind]int), drops: make(map[string]int), change: make(chan struct{})}
}

// option makes the recorder a socket's observer.
func (r *recorder) option() gozmq.SocketOption { return gozmq.WithEventHandler(r.observe) }

func (r *recorder) observe(e gozmq.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[e.Kind]++
	if e.Kind == gozmq.EventDropped {
		r.drops[e.Endpoint] += e.Count
	}
	close(r.change)
	r.change = make(chan struct{})
}

// count returns how many events of some kinds there were.
func (r *recorder) count(kinds ...gozmq.EventKind) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sum(kinds)
}

func (r *recorder) sum(kinds []gozmq.EventKind) (n int) {
	for _, kind := range kinds {
		n += r.counts[kind]
	}
	return n
}

// dropped returns how many messages were dropped at an endpoint.
func (r *recorder) dropped(endpoint string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drops[endpoint]
}

// refused are the events of a connection that was refused: a RST may come
// before or after dialing is over.
func refused() []gozmq.EventKind {
	return []gozmq.EventKind{gozmq.EventDialFailed, gozmq.EventHandshakeFailed}
}

// wait waits until there are n events of some kinds.
func (r *recorder) wait(t testing.TB, n int, kinds ...gozmq.EventKind) {
	t.Helper()
	timer := time.NewTimer(testkit.Patience())
	defer timer.Stop()
	for {
		r.mu.Lock()
		have, change := r.sum(kinds), r.change
		counts := fmt.Sprint(r.counts)
		r.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-change:
		case <-timer.C:
			t.Fatalf("%d of %d events %v came; there were %s", have, n, kinds, counts)
		}
	}
}

// A fault is one way to treat a connection badly that loses nothing.
type fault struct {
	name string
	on   func(p *gozmqtest.Proxy)
}

func harmless() []fault {
	return []fault{
		{"single bytes", func(p *gozmqtest.Proxy) { p.Split(1) }},
		{"delay", func(p *gozmqtest.Proxy) { p.Delay(2 * time.Millisecond) }},
		{"single bytes to the target, delay back", func(p *gozmqtest.Proxy) {
			p.Split(1, gozmqtest.ToTarget)
			p.Delay(time.Millisecond, gozmqtest.ToClient)
		}},
		{"stall and resume", func(p *gozmqtest.Proxy) {
			p.Stall()
			go func() { // while messages are on their way
				<-time.After(50 * time.Millisecond)
				p.Resume()
			}()
		}},
	}
}

// directions are both, by name.
var directions = map[string]gozmqtest.Direction{"to target": gozmqtest.ToTarget, "to client": gozmqtest.ToClient}
