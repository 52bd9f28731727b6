package gozmq_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/runtime/internal/testproto"
)

type text = wrapperspb.StringValue

// counterTopic is a topic of which each message is a change of a counter.
var counterTopic = gozmq.Topic[*testproto.Reading]{
	Name: "test.Counters/Changed", Traits: gozmq.Retained | gozmq.Sequenced,
	Append: func(b []byte, m *testproto.Reading) []byte {
		return gozmq.AppendString(append(b, "counter/"...), m.GetStation(), 0)
	},
}

type counterFilter struct{}

func (counterFilter) TopicPattern() gozmq.TopicPattern {
	var p gozmq.TopicPattern
	p.Literal("counter/")
	gozmq.MatchString(&p, gozmq.Match[string]{}, 0)
	return p
}

var readCounters = gozmq.Method{Procedure: "test.Counters/Read"}

// Counters are a state, of which each change is published. They outlive their
// publisher, as what is on a disk does.
type counters struct {
	mu     sync.Mutex
	values map[string]int
	pub    *gozmq.Publisher
}

func (c *counters) add(t *testing.T, name string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[name]++
	change := &testproto.Reading{Station: name, Note: proto.String(strconv.Itoa(c.values[name]))}
	if err := gozmq.Publish(t.Context(), c.pub, &counterTopic, change); err != nil {
		t.Fatal(err)
	}
}

// read is the handler that returns the state.
func (c *counters) read(ctx context.Context, _ *text) (*text, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for name, value := range c.values {
		fmt.Fprintln(&b, name, value)
	}
	gozmq.CallInfoFromContext(ctx).SetSnapshotPosition(c.pub.Position())
	return wrapperspb.String(b.String()), nil
}

func (c *counters) copy() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.values)
}

// restart puts another publisher in the place of the one that there is.
func (c *counters) restart(t *testing.T, where gozmq.Endpoints) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pub != nil {
		c.pub.Close()
	}
	pub, err := gozmq.NewPublisher(where, gozmq.WithSendQueue(20, 1<<20), gozmq.WithLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	c.pub = pub
}

// A replica follows the counters.
type replica struct {
	mu        sync.Mutex
	values    map[string]int
	snapshots int
	orphans   bool // a publisher went while its connection was stalled: no snapshot may know it
	done      chan struct{}
}

// asked returns how many snapshots there were.
func (r *replica) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.snapshots
}

func (r *replica) setOrphans() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.orphans = true
}

// fail notes what FollowState says went wrong.
func (r *replica) fail(t *testing.T, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.orphans && strings.Contains(err.Error(), "does not know publisher") {
		return // it was told so, and goes on without
	}
	t.Errorf("replica: %v", err)
}

func (r *replica) copy() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.values)
}

// replicate follows the counters until the test ends. Each update must be the
// very next change of what the replica knows.
func replicate(t *testing.T, endpoint string, caller gozmq.Caller) *replica {
	t.Helper()
	s, err := gozmq.NewSubscriber(gozmq.Connect(endpoint), gozmq.WithReconnectBackoff(time.Millisecond, 20*time.Millisecond), gozmq.WithReceiveQueue(10, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &replica{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for change, err := range gozmq.FollowState[text, testproto.Reading](ctx, s, caller, &readCounters, new(text), []counterFilter{{}}) {
			if err != nil {
				r.fail(t, err)
				continue
			}
			r.apply(t, change)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-r.done
		s.Close()
	})
	return r
}

func (r *replica) apply(t *testing.T, c gozmq.Change[*text, *testproto.Reading]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Snapshot != nil {
		r.values = make(map[string]int)
		for line := range strings.Lines(c.Snapshot.GetValue()) {
			var name string
			var value int
			fmt.Sscan(line, &name, &value)
			r.values[name] = value
		}
		r.snapshots++
		return
	}
	name, note := c.Update.GetStation(), c.Update.GetNote()
	if want := strconv.Itoa(r.values[name] + 1); note != want {
		t.Errorf("replica: update of %s to %s, want %s", name, note, want)
	}
	r.values[name]++
}

// wantState waits until a replica has the state.
func wantState(t *testing.T, name string, r *replica, c *counters) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(testkit.Patience()); !maps.Equal(r.copy(), c.copy()); <-tick.C {
		if time.Now().After(limit) {
			t.Fatalf("the %s replica has %v, want %v", name, r.copy(), c.copy())
		}
	}
}

func newCounters(t *testing.T) (*counters, string, gozmq.Caller) {
	t.Helper()
	c := &counters{values: make(map[string]int)}
	c.restart(t, gozmq.Bind(testkit.ClosedPort(t)))
	t.Cleanup(func() { c.pub.Close() })
	conn := gozmqtest.NewConn(t, func(r gozmq.Registrar) error {
		return r.RegisterService(gozmq.Service{Name: "test.Counters", Handlers: []gozmq.Handler{gozmq.Handle(&readCounters, c.read)}})
	})
	return c, c.pub.Addrs()[0], conn
}

// TestFollowState cuts connections, stalls them, restarts the publisher and has
// replicas join at any time, with a publisher's queue that is always too short.
// Every replica applies every change once, and ends with the state.
func TestFollowState(t *testing.T) {
	const rounds, names = 60, 20
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	c, endpoint, caller := newCounters(t)
	proxy := gozmqtest.NewProxy(t, endpoint)
	replicas := []*replica{replicate(t, proxy.Endpoint(), caller)}
	stalled, orphans := false, false
	for round := range rounds {
		for range r.IntN(200) {
			c.add(t, fmt.Sprint(r.IntN(names)))
		}
		switch r.IntN(6) {
		case 0:
			proxy.Reset()
		case 1:
			if orphans = orphans || stalled; orphans {
				for _, r := range replicas {
					r.setOrphans()
				}
			}
			c.restart(t, gozmq.Bind(endpoint))
		case 2:
			stalled = true
			proxy.Stall(gozmqtest.ToClient)
		case 3:
			stalled = false
			proxy.Heal()
		case 4: // all is quiet: nothing that was lost may stay so
			stalled = false
			proxy.Heal()
			wantState(t, "first", replicas[0], c)
		}
		if round%20 == 10 {
			replicas = append(replicas, replicate(t, proxy.Endpoint(), caller))
			if stalled || orphans {
				replicas[len(replicas)-1].setOrphans()
			}
		}
	}
	proxy.Heal()
	total := 0
	for i, replica := range replicas {
		wantState(t, fmt.Sprint("number ", i), replica, c)
		total += replica.asked()
	}
	t.Logf("%d replicas had %d snapshots", len(replicas), total)
}

// TestFollowStateQuiet needs no snapshot but the first, however many messages
// there are. A connection that is made just then may ask for a second one.
func TestFollowStateQuiet(t *testing.T) {
	c, endpoint, caller := newCounters(t)
	c.add(t, "before")
	r := replicate(t, endpoint, caller)
	wantState(t, "only", r, c)
	c.add(t, "first") // comes behind whatever the connection asked for
	wantState(t, "only", r, c)
	begun := r.asked()
	for i := range 2000 {
		c.add(t, fmt.Sprint(i%7))
		if i%10 == 0 { // not more than the publisher's queue takes
			wantState(t, "only", r, c)
		}
	}
	wantState(t, "only", r, c)
	if end := r.asked(); end != begun || begun > 2 {
		t.Errorf("there were %d snapshots at first, and %d in the end", begun, end)
	}
}

// TestFollowStateFailures yields what goes wrong and tries again, or ends when
// that is of no use.
func TestFollowStateFailures(t *testing.T) {
	c, endpoint, _ := newCounters(t)
	s, err := gozmq.NewSubscriber(gozmq.Connect(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	calls := 0
	caller := callerFunc(func(reply proto.Message, md *gozmq.ReplyMetadata) error {
		if calls++; calls == 1 {
			return gozmq.Errorf(gozmq.CodeUnavailable, "not yet")
		}
		return nil // but without a position
	})
	var codes []gozmq.Code
	for _, err := range gozmq.FollowState[text, testproto.Reading](t.Context(), s, caller, &readCounters, new(text), []counterFilter{{}}) {
		codes = append(codes, gozmq.CodeOf(err))
	}
	if len(codes) != 2 || codes[0] != gozmq.CodeUnavailable || codes[1] != gozmq.CodeFailedPrecondition {
		t.Errorf("got codes %v", codes)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	codes = nil
	for _, err := range gozmq.FollowState[text, testproto.Reading](t.Context(), s, caller, &readCounters, new(text), []counterFilter{{}}) {
		codes = append(codes, gozmq.CodeOf(err))
	}
	if len(codes) != 1 || codes[0] != gozmq.CodeCanceled {
		t.Errorf("with a closed subscriber got codes %v", codes)
	}
	gozmq.CallInfoFromContext(t.Context()).SetSnapshotPosition(c.pub.Position()) // outside of a handler: nothing
}

// A callerFunc answers calls.
type callerFunc func(reply proto.Message, md *gozmq.ReplyMetadata) error

func (f callerFunc) Call(_ context.Context, _ *gozmq.Method, _, reply proto.Message, _ ...gozmq.CallOption) error {
	return f(reply, nil)
}

func (f callerFunc) Stream(context.Context, *gozmq.Method, ...gozmq.CallOption) gozmq.Stream {
	return nil
}
