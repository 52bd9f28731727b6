package soak

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// soakFeed is a publisher in this process with four kinds of subscribers, each
// at an endpoint of its own: one that nothing happens to, one that subscribes
// and gives up, one behind a proxy, and one in a process that is killed. There
// is another publisher in a process that is killed, with a subscriber here.
type soakFeed struct {
	t                                    testing.TB
	pub                                  *gozmq.Publisher
	events                               *recorder
	steadyAt, windowsAt, cutAt, killedAt string
	sent                                 int64 // the loader's, then the checker's
	steady, cut                          *numberLog
	windows, killed                      []*numberLog
	mu                                   sync.Mutex // guards windows and killed
	windowed                             *gozmq.Subscriber
	proxy                                *gozmqtest.Proxy
	subscriber                           *child
	remote                               *child
	remoteProxy                          *gozmqtest.Proxy
	remoteSent, remoteReceived           *numberLog
}

func newSoakFeed(t testing.TB) *soakFeed {
	f := &soakFeed{t: t, events: newRecorder(), steady: newNumberLog(), cut: newNumberLog()}
	f.pub = gozmqtest.Open(gozmq.NewPublisher(f.events.option(), beating(),
		gozmq.Bind(gozmqtest.Endpoint(), gozmqtest.Endpoint(), anyPort, anyPort))).For(t)
	addrs := f.pub.Addrs()
	f.steadyAt, f.windowsAt, f.cutAt, f.killedAt = addrs[0], addrs[1], addrs[2], addrs[3]
	f.proxy = gozmqtest.NewProxy(t, f.cutAt)
	listen(t, f.steady, newSoakSubscriber(t, f.steadyAt))
	listen(t, f.cut, newSoakSubscriber(t, f.proxy.Endpoint()))
	f.windowed = newSoakSubscriber(t, f.windowsAt)
	f.subscriber = &child{t: t, role: "subscriber", args: func(int) []string { return []string{f.killedAt} }, heard: f.heard}
	f.newRemote()
	must(t, f.pub.WaitForSubscribers(testkit.Within(t), numberName, 2))
	return f
}

func newSoakSubscriber(t testing.TB, endpoint string) *gozmq.Subscriber {
	t.Helper()
	return gozmqtest.Open(gozmq.NewSubscriber(gozmq.Connect(endpoint), fast(), beating(), brisk())).For(t)
}

// heard takes in what the killed subscribers have received.
func (f *soakFeed) heard(generation int, _, value string) {
	f.mu.Lock()
	for len(f.killed) <= generation {
		f.killed = append(f.killed, newNumberLog())
	}
	log := f.killed[generation]
	f.mu.Unlock()
	log.add(f.subscriber.number(value))
}

// newRemote prepares the publisher that is killed.
func (f *soakFeed) newRemote() {
	f.remoteSent, f.remoteReceived = newNumberLog(), newNumberLog()
	f.remoteProxy = gozmqtest.NewProxy(f.t, "tcp://127.0.0.1:1")
	f.remote = newSource(f.t, "publisher", f.remoteSent, f.remoteProxy)
	listen(f.t, f.remoteReceived, newSoakSubscriber(f.t, f.remoteProxy.Endpoint()))
}

// generationSize is more numbers than a child ever sends.
const generationSize = 1_000_000

// newSource returns a child that sends numbers, with a proxy in front.
func newSource(t testing.TB, role string, sent *numberLog, p *gozmqtest.Proxy) *child {
	c := &child{t: t, role: role, args: func(generation int) []string {
		return []string{strconv.Itoa(generation*generationSize + 1), p.Endpoint()}
	}}
	c.heard = func(_ int, word, value string) {
		switch word {
		case "addr":
			p.SetTarget(value)
		case "sent":
			sent.add(c.number(value))
		}
	}
	return c
}

// load publishes until ctx ends.
func (f *soakFeed) load(ctx context.Context, wg *sync.WaitGroup) {
	wg.Go(func() {
		for paced(ctx) {
			f.publish(2)
		}
	})
	wg.Go(func() {
		for paced(ctx) {
			f.window(ctx)
		}
	})
}

func (f *soakFeed) publish(n int) {
	for range n {
		f.sent++
		if err := gozmqimpl.Publish(context.Background(), f.pub, numberTopic, wrapperspb.Int64(f.sent)); err != nil {
			f.t.Errorf("publish %d: %v", f.sent, err)
		}
	}
}

// window subscribes, receives some messages and gives up.
func (f *soakFeed) window(ctx context.Context) {
	log := newNumberLog()
	f.mu.Lock()
	f.windows = append(f.windows, log)
	f.mu.Unlock()
	for n, err := range gozmqimpl.SubscribeAll(ctx, f.windowed, numberTopic) {
		if err != nil {
			f.t.Error(err)
		}
		log.add(n.GetValue())
		if len(log.list) == 100 {
			return
		}
	}
}

// recovered checks that everyone receives again, and then everything.
func (f *soakFeed) recovered() {
	logs := []*numberLog{f.steady, f.cut, f.killedNow()}
	for _, log := range logs {
		settle(f.t, log, func() int64 { f.publish(1); return f.sent })
	}
	first := f.sent + 1
	f.publish(100)
	for _, log := range logs {
		log.waitFor(f.t, f.sent)
		log.mu.Lock()
		if n := len(log.list) - log.places[first]; n != 100 {
			f.t.Errorf("%d of 100 messages came at the end", n)
		}
		log.mu.Unlock()
	}
	f.remoteReceived.newer(f.t)
}

// killedNow waits until the subscriber that runs now has received something.
func (f *soakFeed) killedNow() *numberLog {
	generation := f.subscriber.starts - 1
	var log *numberLog
	for paced(testkit.Within(f.t)) {
		f.publish(1)
		f.mu.Lock()
		if len(f.killed) > generation {
			log = f.killed[generation]
		}
		f.mu.Unlock()
		if log != nil {
			return log
		}
	}
	f.t.Fatal("the subscriber in its own process receives nothing")
	return nil
}

func (f *soakFeed) report() {
	t := f.t
	t.Logf("PUB/SUB: %d published; %d subscribers and %d publishers killed, %d and %d connections of the others",
		f.sent, f.subscriber.kills, f.remote.kills, f.proxy.Connections(), f.remoteProxy.Connections())

	t.Log("steady subscriber:")
	a := f.steady.account(t, f.sent)
	if dropped := f.events.dropped(f.steadyAt); a.lost != dropped || a.swaps > 0 {
		t.Errorf("steady subscriber: %v; %d were reported as dropped", a, dropped)
	}
	t.Log("subscriber behind a proxy:")
	f.cut.account(t, f.sent).wantBreaks(t, f.proxy.Connections()+f.events.dropped(f.cutAt))

	// What was on its way when a subscription ended is received by the next one,
	// before what it has subscribed to itself: one gap.
	f.reportRuns("subscriber that gives up", f.windows, 1, f.events.dropped(f.windowsAt))
	f.reportRuns("killed subscriber", f.killed, 0, f.events.dropped(f.killedAt))
	t.Log("killed publisher:")
	f.remoteReceived.after(f.remoteSent).account(t, f.remoteSent.len()).wantBreaks(t, f.remoteProxy.Connections())
}

// reportRuns checks logs that each must have one run of numbers, but for so
// many gaps, and those messages that were reported as dropped.
func (f *soakFeed) reportRuns(who string, logs []*numberLog, gaps, dropped int) {
	var all run
	tooMany := 0
	for i, log := range logs {
		r := log.run(f.t, f.sent)
		all.received, all.missing, all.gaps = all.received+r.received, all.missing+r.missing, all.gaps+r.gaps
		if tooMany += max(r.gaps-gaps, 0); tooMany > dropped {
			f.t.Errorf("%s: run %d has %d gaps, %d messages were reported as dropped", who, i, r.gaps, dropped)
		}
	}
	f.t.Logf("%s: %d runs, %d received, %d missing in %d gaps within runs, %d reported as dropped",
		who, len(logs), all.received, all.missing, all.gaps, dropped)
}
