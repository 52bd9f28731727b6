package soak

import (
	"context"
	"fmt"
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

// A taskLine is a ventilator and a sink with a proxy between them.
type taskLine struct {
	*gozmqtest.Proxy
	*numberLog
	vent             *gozmq.Ventilator
	sink             *gozmq.Sink
	sender, receiver *recorder
	method           *gozmq.Method
	sent             int64
}

func newTaskLine(t testing.TB, before func(*gozmqtest.Proxy), opts ...gozmq.SocketOption) *taskLine {
	t.Helper()
	l := &taskLine{numberLog: newNumberLog(), sender: newRecorder(), receiver: newRecorder(), method: taskMethod}
	vent, sink := []gozmq.VentilatorOption{l.sender.option(), fast()}, []gozmq.SinkOption{l.receiver.option()}
	for _, o := range opts {
		vent, sink = append(vent, o), append(sink, o)
	}
	l.sink = gozmqtest.Open(gozmq.NewSink(append(sink, gozmq.Bind(anyPort))...)).For(t)
	follow(t, l.numberLog, l.sink, l.method)
	l.Proxy = gozmqtest.NewProxy(t, l.sink.Addrs()[0])
	if before != nil {
		before(l.Proxy)
	}
	l.vent = gozmqtest.Open(gozmq.NewVentilator(append(vent, gozmq.Connect(l.Endpoint()))...)).For(t)
	return l
}

// follow logs what a sink receives until the test ends.
func follow(t testing.TB, l *numberLog, s *gozmq.Sink, m *gozmq.Method) {
	gozmqtest.Run(t, func(ctx context.Context) error {
		for n, err := range gozmqimpl.Results[number](ctx, s, m) {
			if err != nil {
				return err
			}
			l.add(n.GetValue())
		}
		return nil
	})
}

func (l *taskLine) push(t testing.TB, n int) {
	t.Helper()
	ctx := testkit.Within(t)
	for range n {
		l.sent++
		must(t, gozmqimpl.Push(ctx, l.vent, l.method, wrapperspb.Int64(l.sent)))
	}
}

func TestTasksSurviveHarmlessFaults(t *testing.T) {
	for _, f := range harmless() {
		t.Run(f.name, func(t *testing.T) {
			l := newTaskLine(t, f.on)
			l.push(t, 50)
			l.waitFor(t, 50)
			l.account(t, l.sent).wantWhole(t)
		})
	}
}

// Tasks keep their order across reconnections, and are lost only with a
// connection: each leaves one gap at most.
func TestTasksReset(t *testing.T) {
	random := newRand(t)
	l := newTaskLine(t, nil)
	const resets = 20
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(testkit.Within(t))
	wg.Go(func() {
		for ctx.Err() == nil {
			l.sent++
			if err := gozmqimpl.Push(testkit.Within(t), l.vent, taskMethod, wrapperspb.Int64(l.sent)); err != nil {
				t.Errorf("task %d: %v", l.sent, err)
				return
			}
		}
	})
	for range resets {
		must(t, l.WaitBytes(ctx, gozmqtest.ToTarget, l.Bytes(gozmqtest.ToTarget)+random.IntN(50_000)))
		l.Reset()
	}
	stop()
	wg.Wait()
	l.settle(t)
	l.account(t, l.sent).wantBreaks(t, resets)
}

// settle pushes tasks until one arrives that was pushed after all faults, and
// with it the last.
func (l *taskLine) settle(t testing.TB) {
	t.Helper()
	settle(t, l.numberLog, func() int64 { l.push(t, 1); return l.sent })
}

func settle(t testing.TB, l *numberLog, push func() int64) {
	t.Helper()
	first, arrived := push(), make(chan struct{})
	go func() {
		defer close(arrived)
		l.wait(t, "a task after the last fault", func() bool { return l.last >= first })
	}()
	for done := false; !done; {
		select {
		case <-arrived:
			done = true
		case <-time.After(5 * time.Millisecond): // a pace, so that few are pushed
			push()
		}
	}
	l.waitFor(t, push())
}

// What the ventilator's own queue holds is kept when the connection breaks.
func TestTasksQueuedAreKept(t *testing.T) {
	const (
		queue = 200
		size  = 10 << 10
		// What is written at once counts as queued until the kernel has all of
		// it: 128 KiB and one task.
		halfWritten = 128<<10/size + 1
	)
	// Push waits from the high-water mark down to half of it.
	const queued = queue/2 - halfWritten
	l := newTaskLine(t, nil, gozmq.WithSendQueue(queue, 64<<20))
	l.push(t, 1)
	l.waitFor(t, 1)
	l.Stall()
	l.method = &gozmq.Method{Procedure: "soak.Tasks/" + strings.Repeat("x", size)} // makes tasks large
	follow(t, l.numberLog, l.sink, l.method)
	before := l.fill(t)
	l.Reset()
	l.Resume()
	l.settle(t)
	a := l.account(t, l.sent).wantBreaks(t, 1)
	if kept := before - 1 - a.lost; kept < queued {
		t.Errorf("%d of %d tasks were kept, want at least the %d that were queued", kept, before, queued)
	}
}

// A write that is cut off in the middle had whole tasks in front, which have
// arrived: they are not sent again. What was sent in part may be.
func TestTasksBeforeALargeOneAreSentOnce(t *testing.T) {
	const size = 24 << 20 // three quarters are more than the kernel takes at once on both sides
	l := newTaskLine(t, nil, gozmq.WithMaxMessageSize(2*size), gozmq.WithSendQueue(1000, 8*size))
	large := &gozmq.Method{Procedure: "soak.Tasks/" + strings.Repeat("x", size)}
	larges := newNumberLog() // of its own: a sink keeps the order of each method, not between methods
	follow(t, larges, l.sink, large)
	l.push(t, 1)
	l.waitFor(t, 1)
	l.Stall(gozmqtest.ToTarget)
	for n := range int64(2) {
		// keeps the writer busy, so that the rest is written at once
		must(t, gozmqimpl.Push(testkit.Within(t), l.vent, large, wrapperspb.Int64(n+1)))
		l.push(t, 5)
	}
	cut := l.Cut(gozmqtest.ToTarget, size*5/4)
	l.Refuse(true) // nothing comes over a second connection while the sink still reads the first
	l.Resume()
	testkit.Receive(t, cut, "the cut")
	l.receiver.wait(t, 1, gozmq.EventDisconnected)
	l.Refuse(false)
	l.settle(t)
	l.account(t, l.sent).wantWhole(t)
	larges.waitFor(t, 1)
	// The kernel may have had all of the second large one, which is lost then.
	larges.account(t, 2).wantBreaks(t, 1)
}

// fill pushes until the queue is full, and returns how many tasks there were. One
// Push that has waited in vain shows nothing: the machine may have stalled.
func (l *taskLine) fill(t testing.TB) int {
	t.Helper()
	for inVain := 0; inVain < 4; {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := gozmqimpl.Push(ctx, l.vent, l.method, wrapperspb.Int64(l.sent+1))
		cancel()
		if gozmq.CodeOf(err) == gozmq.CodeDeadlineExceeded {
			inVain++
			continue
		}
		must(t, err)
		l.sent++
		inVain = 0
	}
	return int(l.sent)
}

// The connection ends within the exchange, at every byte of it.
func TestTasksCutAnywhere(t *testing.T) {
	const tasks = 3
	for name, d := range directions {
		t.Run(name, func(t *testing.T) {
			whole := newTaskLine(t, nil)
			whole.push(t, tasks)
			whole.waitFor(t, tasks)
			for n := range whole.Bytes(d) + 1 {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					t.Parallel()
					l := newTaskLine(t, func(p *gozmqtest.Proxy) { p.Cut(d, n) })
					l.push(t, tasks)
					l.settle(t)
					l.account(t, l.sent).wantBreaks(t, 1)
				})
			}
		})
	}
}

// Without a way, Push waits, and nothing is lost.
func TestTasksRefused(t *testing.T) {
	l := newTaskLine(t, func(p *gozmqtest.Proxy) { p.Refuse(true) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.push(t, 10)
	}()
	l.sender.wait(t, 3, refused()...)
	l.Refuse(false)
	testkit.Receive(t, done, "the end of pushing")
	l.waitFor(t, 10)
	l.account(t, 10).wantWhole(t)
}

// A peer that is silent while its connection stays open is found out, and what
// was not with the kernel goes on.
func TestTasksHalfOpen(t *testing.T) {
	l := newTaskLine(t, nil, alert(), brisk())
	l.push(t, 10)
	l.waitFor(t, 10)
	l.Stall()
	l.push(t, 10)
	l.sender.wait(t, 1, gozmq.EventHeartbeatLost)
	l.receiver.wait(t, 1, gozmq.EventHeartbeatLost)
	l.Resume()
	l.settle(t)
	l.account(t, l.sent).wantBreaks(t, l.Connections()-1)
}

// The whole way: a worker whose tasks and results both pass proxies. No task
// runs twice, no result comes twice, and what did not come back was with a
// connection that broke.
func TestWorkerReset(t *testing.T) {
	random := newRand(t)
	p, ran := newPipeline(t, beating()), newNumberLog()
	from, to := gozmqtest.NewProxy(t, p.vent.Addrs()[1]), gozmqtest.NewProxy(t, p.sink.Addrs()[1])
	work(t, ran, from.Endpoint(), to.Endpoint())
	ctx, stop := context.WithCancel(testkit.Within(t))
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			p.push(1)
		}
	})
	for range 10 {
		must(t, from.WaitBytes(ctx, gozmqtest.ToClient, from.Bytes(gozmqtest.ToClient)+random.IntN(5_000)))
		from.Reset()
		must(t, to.WaitBytes(ctx, gozmqtest.ToTarget, to.Bytes(gozmqtest.ToTarget)+random.IntN(5_000)))
		to.Reset()
	}
	stop()
	wg.Wait()
	settle(t, p.results, func() int64 { p.push(1); return p.sent })
	// The ventilator may accept the worker's new connection before it knows of
	// the old one's end. Then it gives tasks to both in turn, and there are
	// more gaps than breaks.
	ran.account(t, p.sent)
	p.results.after(ran).account(t, ran.len()).wantBreaks(t, to.Connections()-1)
}
