package soak

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// Sizes of messages that are too large for who receives them, and the limits.
const (
	badLimit     = 16 << 10
	badSinkLimit = 4 << 10
	badSize      = 2 * badLimit
	badResult    = 2 * badSinkLimit
	badPace      = 250 * time.Millisecond // slower than what is read with pauses
	badBacklog   = 1000                   // tasks; poison ends workers faster than they start again
)

// badName is the topic of badTopic.
const badName = "soak.Bad/Text"

var (
	badTopic  = gozmqimpl.NewTopic[text](badName, badName)
	badMethod = &gozmq.Method{Procedure: "soak.Tasks/Text"}
)

// soakBad is a publisher and three pipelines through which good messages go, and
// beside them publications, tasks and results that are too large, and tasks
// that end their worker's process. A bad one costs itself alone.
type soakBad struct {
	t                 testing.TB
	pub               *gozmq.Publisher
	feed, results     *numberLog
	passed            badCount // publications that the subscriber's stream told of
	published, pushed int64
	tooLarge          [3]int64 // publications, tasks, results

	vent         *gozmq.Ventilator
	worker, sink *recorder
	refused      int64 // by Push

	large *badSureLine

	sure     *sureLine
	method   gozmq.Method
	dead     badCount
	poisoned int64
	ends     sync.WaitGroup // of the workers that poison ends
}

// A badCount counts.
type badCount struct {
	mu sync.Mutex
	n  int64
}

func (c *badCount) add() { c.mu.Lock(); c.n++; c.mu.Unlock() }

func (c *badCount) get() int64 { c.mu.Lock(); defer c.mu.Unlock(); return c.n }

func newSoakBad(t testing.TB) *soakBad {
	b := &soakBad{t: t, feed: newNumberLog(), results: newNumberLog(), worker: newRecorder(), sink: newRecorder()}
	b.newFeed()
	b.newPipeline()
	b.large = newBadSureLine(t)
	letters := gozmq.WithDeadLetterHandler(func(_ context.Context, d gozmq.DeadLetter) error {
		if gozmq.CodeOf(d.Reason) != gozmq.CodeUnavailable {
			t.Errorf("a task that ends its worker was given up with %v", d.Reason)
		}
		b.dead.add()
		return nil
	})
	b.sure = newSureLine(t, []gozmq.VentilatorOption{letters, gozmq.WithRetryBackoff(time.Millisecond, 10*time.Millisecond)}, nil)
	b.sure.collect()
	b.method = *sureMethod
	b.method.MaxAttempts = 2
	return b
}

// newFeed opens the publisher, and a subscriber that takes no large messages.
func (b *soakBad) newFeed() {
	b.pub = gozmqtest.Open(gozmq.NewPublisher(gozmq.Bind(anyPort))).For(b.t)
	sub := gozmqtest.Open(gozmq.NewSubscriber(gozmq.Connect(b.pub.Addrs()...), gozmq.WithMaxMessageSize(badLimit))).For(b.t)
	gozmqtest.Run(b.t, func(ctx context.Context) error {
		for m, err := range gozmqimpl.SubscribeAll(ctx, sub, badTopic) {
			switch {
			case err == nil:
				b.feed.add(numberIn(b.t, m))
			case gozmq.CodeOf(err) == gozmq.CodeResourceExhausted:
				b.passed.add()
			default:
				return err
			}
		}
		return nil
	})
	must(b.t, b.pub.WaitForSubscribers(testkit.Within(b.t), badName, 1))
}

// newPipeline opens a ventilator, a worker that takes no large tasks, and a sink
// that takes no large results.
func (b *soakBad) newPipeline() {
	b.vent = gozmqtest.Open(gozmq.NewVentilator(gozmq.Bind(anyPort))).For(b.t)
	sink := gozmqtest.Open(gozmq.NewSink(gozmq.Bind(anyPort), gozmq.WithMaxMessageSize(badSinkLimit), b.sink.option())).For(b.t)
	gozmqtest.Run(b.t, func(ctx context.Context) error {
		for m, err := range gozmqimpl.Results[text](ctx, sink, badMethod) {
			if err != nil {
				return err
			}
			b.results.add(numberIn(b.t, m))
		}
		return nil
	})
	w, err := gozmqimpl.NewWorker("soak.Tasks", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTask(badMethod, doBadTask)}
	}, []gozmq.WorkerOption{
		gozmq.From(gozmq.Connect(b.vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...)),
		gozmq.WithMaxMessageSize(badLimit), b.worker.option(),
	})
	gozmqtest.Run(b.t, func(ctx context.Context) error { return gozmqimpl.RunWorker(ctx, w, err) })
}

// doBadTask returns the task, or a result that is too large for the sink.
func doBadTask(_ context.Context, m *text) (*text, error) {
	if _, large, _ := strings.Cut(m.GetValue(), " "); large == "result" {
		return numbered(0, badResult), nil
	}
	return m, nil
}

// numbered is a message of that number and about that size.
func numbered(n int64, size int) *text {
	return wrapperspb.String(strconv.FormatInt(n, 10) + " " + strings.Repeat("x", size))
}

func numberIn(t testing.TB, m *text) int64 {
	head, _, _ := strings.Cut(m.GetValue(), " ")
	n, err := strconv.ParseInt(head, 10, 64)
	if err != nil || n == 0 {
		t.Errorf("message %.20q came, which was too large", m.GetValue())
	}
	return n
}

// load sends until ctx ends.
func (b *soakBad) load(ctx context.Context, wg *sync.WaitGroup) {
	wg.Go(func() {
		bad := time.Now()
		for paced(ctx) {
			b.good()
			if time.Since(bad) > badPace {
				bad = time.Now()
				b.bad()
			}
		}
	})
	wg.Go(func() {
		for n := 0; paced(ctx) && ctx.Err() == nil; n++ {
			if b.sure.vent.Progress().Queued > badBacklog {
				continue
			}
			b.sure.push(testkit.Within(b.t), 1)
			if n%100 == 50 {
				b.poisoned++
				must(b.t, gozmqimpl.Push(testkit.Within(b.t), b.sure.vent, &b.method, wrapperspb.Int64(poison)))
			}
		}
	})
}

// live runs two workers, each of which is started again when poison has ended
// it, until ctx ends and all tasks are over.
func (b *soakBad) live(ctx context.Context) {
	for range 2 {
		c := b.sure.child(nil)
		b.ends.Go(func() {
			for ctx.Err() == nil {
				c.start()
				stop := context.AfterFunc(ctx, func() { c.stdin.Close() })
				c.wait()
				stop()
			}
		})
	}
}

func (b *soakBad) good() {
	b.published++
	b.publish(numbered(b.published, 10))
	b.pushed++
	b.push(numbered(b.pushed, 10))
	b.large.good()
}

// bad sends one of each kind that is too large.
func (b *soakBad) bad() {
	for i := range b.tooLarge {
		b.tooLarge[i]++
	}
	b.publish(numbered(0, badSize))
	b.push(numbered(0, badSize))
	b.push(wrapperspb.String("0 result"))
	b.large.bad()
}

func (b *soakBad) publish(m *text) {
	if err := gozmqimpl.Publish(context.Background(), b.pub, badTopic, m); err != nil {
		b.t.Errorf("publish: %v", err)
	}
}

func (b *soakBad) push(m *text) {
	switch err := gozmqimpl.Push(testkit.Within(b.t), b.vent, badMethod, m); {
	case err == nil:
	case gozmq.CodeOf(err) == gozmq.CodeResourceExhausted && len(m.GetValue()) > badLimit:
		b.refused++
	default:
		b.t.Errorf("push: %v", err)
	}
}

// recovered waits for all that is good, and for word of all that is not.
func (b *soakBad) recovered() {
	must(b.t, b.sure.vent.Wait(testkit.Within(b.t)))
	b.feed.waitFor(b.t, b.published)
	b.results.waitFor(b.t, b.pushed)
	b.large.recovered()
	testkit.Eventually(b.t, "word of each message that was too large", func() bool {
		return b.passed.get() >= b.tooLarge[0] && b.told() >= b.tooLarge[1]+b.tooLarge[2]
	})
	testkit.Eventually(b.t, "the dead letters", func() bool { return b.dead.get() >= b.poisoned })
}

// told returns how many tasks and results were told of as too large.
func (b *soakBad) told() int64 {
	kinds := []gozmq.EventKind{gozmq.EventMalformed, gozmq.EventTaskFailed}
	return b.refused + int64(b.worker.count(kinds...)+b.sink.count(kinds...))
}

func (b *soakBad) report() {
	t := b.t
	t.Logf("too large: %d publications, %d tasks, %d results, all told: %d and %d; %d tasks that end their worker, %d dead letters",
		b.tooLarge[0], b.tooLarge[1], b.tooLarge[2], b.passed.get(), b.told(), b.poisoned, b.dead.get())
	t.Log("publications beside those that are too large:")
	if a := b.feed.account(t, b.published).wantWhole(t); a.lost > 0 {
		t.Errorf("%d publications are lost", a.lost)
	}
	t.Log("tasks beside those that are too large:")
	if a := b.results.account(t, b.pushed).wantWhole(t); a.lost > 0 {
		t.Errorf("%d tasks are lost", a.lost)
	}
	if b.passed.get() != b.tooLarge[0] || b.told() != b.tooLarge[1]+b.tooLarge[2] {
		t.Error("the account of what was too large does not add up")
	}
	for name, n := range map[string]int{"worker": b.worker.count(gozmq.EventDisconnected), "sink": b.sink.count(gozmq.EventDisconnected)} {
		if n > 0 {
			t.Errorf("%s: %d connections have ended", name, n)
		}
	}
	b.large.report()
	t.Log("tasks beside those that end their worker:")
	b.sure.account(testkit.Within(t), uint64(b.poisoned))
	if b.dead.get() != b.poisoned || b.poisoned == 0 {
		t.Errorf("%d of %d tasks that end their worker were given up", b.dead.get(), b.poisoned)
	}
}
