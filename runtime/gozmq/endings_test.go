package gozmq

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// The parts of small systems end in order, at random moments and in random
// order, and others come in their place: what is guaranteed holds all the same,
// and every end comes.
func TestEndings(t *testing.T) {
	const rounds = 5
	for name, round := range map[string]func(*testing.T, site, *rand.Rand){
		"tasks at least once": endSure, "tasks at most once": endPlain, "calls": endCalls, "topics": endFeed, "proxies": endProxies,
	} {
		t.Run(name, func(t *testing.T) {
			overEach(t, func(t *testing.T, s site) {
				chance := seeded(t)
				for i := range rounds {
					t.Run(strconv.Itoa(i), func(t *testing.T) { round(t, s.within(t), chance(i)) })
				}
			})
		})
	}
}

// loiter lets a random moment go by, of a millisecond at most.
func loiter(r *rand.Rand) {
	begin := time.Now()
	for range 1 << r.IntN(14) {
		if runtime.Gosched(); time.Since(begin) > time.Millisecond {
			return
		}
	}
}

// own returns a source of chance for another goroutine.
func own(r *rand.Rand) *rand.Rand { return rand.New(rand.NewPCG(r.Uint64(), 0)) }

// inRandomOrder runs what ends the parts of a system, each in a goroutine that
// begins at a random moment. It returns when all have ended, well.
func inRandomOrder(t *testing.T, r *rand.Rand, ends ...func() error) {
	t.Helper()
	r.Shuffle(len(ends), func(i, j int) { ends[i], ends[j] = ends[j], ends[i] })
	all := make(chan error, len(ends))
	for _, end := range ends {
		go func() { all <- end() }()
		loiter(r)
	}
	for range ends {
		if err := testkit.Receive(t, all, "the end of a part"); err != nil {
			t.Errorf("a part ended with: %v", err)
		}
	}
}

// A count says how often each number came.
type count struct {
	mu    sync.Mutex
	times map[int64]int
}

func newCount() *count { return &count{times: make(map[int64]int)} }

func (c *count) add(n int64) (different int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times[n]++
	return len(c.times)
}

func (c *count) of(n int64) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times[n]
}

// want checks that each number from one to n came, and no other, at most that
// often.
func (c *count) want(t *testing.T, n, most int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.times) > n {
		t.Errorf("%d different numbers came, want %d", len(c.times), n)
	}
	var lost, again []int
	for i := range n {
		switch times := c.times[int64(i+1)]; {
		case times == 0:
			lost = append(lost, i+1)
		case times > most:
			again = append(again, i+1)
		}
	}
	if len(lost)+len(again) > 0 {
		t.Errorf("of %d numbers never came: %d, more than %d times: %d", n, lost, most, again)
	}
}

// within returns a site of the same transport where several sockets can bind,
// also again, each with a name behind the endpoint.
func (s site) within(t *testing.T) site {
	switch s.endpoint[:3] {
	case "ipc":
		return site{endpoint: "ipc://" + t.TempDir() + "/"}
	case "inp":
		return site{endpoint: "inproc://" + strconv.FormatInt(unique.Add(1), 10) + "/"}
	}
	return s
}

// at returns the endpoint of one of several sockets of a site that within made.
func (s site) at(t *testing.T, name string) string {
	t.Helper()
	if s.endpoint[:3] == "tcp" {
		return testkit.ClosedPort(t)
	}
	return s.endpoint + name
}

// take takes results until n different ones have come.
func (c *count) take(t *testing.T, k *Sink, n int) {
	for m, err := range Results[number](testkit.Within(t), k, squareMethod) {
		if err != nil {
			t.Error(err)
		}
		if c.add(m.GetValue()) == n {
			return
		}
	}
}

// A call is carried out once at most; when its Conn stays, it is answered if it
// was carried out, and moves to the other server or is unavailable if not.
func endCalls(t *testing.T, s site, r *rand.Rand) {
	const callers, each, turns = 3, 100, 4
	run, answered := newCount(), newCount()
	open := func(endpoint string) (addr string, end func() error) {
		srv := newServer(t, Bind(endpoint), WithLinger(testkit.Patience()))
		if err := srv.RegisterService(Service{Name: "test.Service", Handlers: []Handler{Handle(countMethod, func(_ context.Context, n *number) (*number, error) {
			run.add(n.GetValue())
			return n, nil
		})}}); err != nil {
			t.Error(err)
		}
		if err := srv.Listen(); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- srv.Serve(ctx) }()
		return srv.Addrs()[0], func() error { cancel(); return <-done }
	}
	first, end := open(s.at(t, "first"))
	second, endSecond := open(s.at(t, "second"))
	c := dial(t, Connect(first, second), fast())
	brief, err := Dial(Connect(first, second), fast(), WithLinger(testkit.Patience()))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for k := range each {
				n := int64(i*each + k + 1)
				_, err := Call[number](testkit.Within(t), c, countMethod, wrapperspb.Int64(n))
				if err == nil {
					answered.add(n)
				} else if times := run.of(n); times > 0 || CodeOf(err) != CodeUnavailable {
					t.Errorf("call %d was carried out %d times, and failed: %v", n, times, err)
				}
			}
		})
		wg.Go(func() {
			for n := int64(-1); ; n-- {
				if _, err := Call[number](testkit.Within(t), brief, countMethod, wrapperspb.Int64(n*callers-int64(i))); CodeOf(err) == CodeCanceled {
					return // closed
				} else if err != nil && CodeOf(err) != CodeUnavailable {
					t.Errorf("a call ended with: %v", err)
				}
			}
		})
	}
	for range turns {
		loiter(r)
		if err := end(); err != nil {
			t.Errorf("Serve: %v", err)
		}
		_, end = open(first)
	}
	inRandomOrder(t, r, end, brief.Close)
	wg.Wait()
	t.Logf("%d of %d calls were answered", len(answered.times), callers*each)
	if err := endSecond(); err != nil { // until then calls of brief may run
		t.Errorf("Serve: %v", err)
	}
	for n, times := range run.times {
		if times > 1 {
			t.Errorf("call %d was carried out %d times", n, times)
		}
	}
}

var countMethod = &Method{Procedure: "test.Service/Count"}

// What was published before the publisher was closed comes to who stays, in
// order, whoever else goes meanwhile.
func endFeed(t *testing.T, s site, r *rand.Rand) {
	const n = 300
	p, err := NewPublisher(Bind(s.at(t, "pub")), WithLinger(testkit.Patience()))
	if err != nil {
		t.Fatal(err)
	}
	stays, goes := subscriber(t, Connect(p.Addrs()...)), subscriber(t, Connect(p.Addrs()...))
	var open []Subscription[*reading, stationFilter]
	for _, sub := range []*Subscriber{stays, goes} {
		all, err := OpenSubscription[reading](sub, []stationFilter{{}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ready(t, sub)
		open = append(open, all)
	}
	got := make(chan error, 2)
	for i, sub := range open {
		go func() {
			next := 0
			for m, err := range sub.All(testkit.Within(t)) {
				if err != nil || m.GetNote() != strconv.Itoa(next) {
					got <- fmt.Errorf("subscriber %d got %q, %v, want %d", i, m.GetNote(), err, next)
					return
				}
				if next++; next == n {
					break
				}
			}
			got <- nil
			if i == 0 && next != n {
				t.Errorf("who stays got %d of %d messages", next, n)
			}
		}()
	}
	published := make(chan error, 1)
	go func() {
		for i := range n {
			publish(t, p, at("s", strconv.Itoa(i)))
		}
		published <- p.Close()
	}()
	loiter(r)
	inRandomOrder(t, r, goes.Close, func() error { return <-published }, func() error { return <-got }, func() error { return <-got })
}

// Proxies that end pass on what they have taken; the rest goes by way of the
// other one.
func endProxies(t *testing.T, s site, r *rand.Rand) {
	const n, turns = 500, 3
	open := func(front, back string) (p *Proxy) {
		p, err := NewProxy(PatternPushPull, Front(Bind(front)), Back(Bind(back)), WithLinger(testkit.Patience()))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	one, two := open(s.at(t, "f1"), s.at(t, "b1")), open(s.at(t, "f2"), s.at(t, "b2"))
	front, back := one.FrontAddrs()[0], one.BackAddrs()[0]
	v, err := NewVentilator(Connect(front, two.FrontAddrs()[0]), fast(), WithLinger(testkit.Patience()))
	if err != nil {
		t.Fatal(err)
	}
	k := sink(t, Connect(back, two.BackAddrs()[0]), fast())
	all, pushed := newCount(), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { all.take(t, k, n) })
	wg.Go(func() {
		defer close(pushed)
		pushNumbers(t, v, squareMethod, n)
	})
	for range turns {
		loiter(r)
		if err := one.Close(); err != nil {
			t.Errorf("Proxy.Close: %v", err)
		}
		one = open(front, back)
	}
	<-pushed
	inRandomOrder(t, r, one.Close, v.Close)
	if err := two.Close(); err != nil {
		t.Errorf("Proxy.Close: %v", err)
	}
	wg.Wait()
	all.want(t, n, 1)
}
