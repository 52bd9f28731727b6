package soak

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// A plainLine is a pipeline with DeliveryAtMostOnce, with worker processes
// that are killed.
type plainLine struct {
	t        testing.TB
	vent     *gozmq.Ventilator
	sink     *gozmq.Sink
	results  *numberLog
	children []*child

	mu    sync.Mutex
	lives map[*child][]*plainLife
}

// A plainLife is what one life of a worker process has begun.
type plainLife struct {
	dead bool
	ran  []int64
}

func newPlainLine(t testing.TB, workers int) *plainLine {
	l := &plainLine{t: t, results: newNumberLog(), lives: make(map[*child][]*plainLife)}
	l.sink = gozmqtest.Open(gozmq.NewSink(gozmq.Bind(anyPort))).For(t)
	follow(t, l.results, l.sink, taskMethod)
	l.vent = gozmqtest.Open(gozmq.NewVentilator(gozmq.Bind(anyPort))).For(t)
	for range workers {
		c := &child{t: t, role: "slow worker", args: func(int) []string { return []string{l.vent.Addrs()[0], l.sink.Addrs()[0]} }}
		c.heard = func(generation int, _, value string) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.lives[c][generation].ran = append(l.lives[c][generation].ran, c.number(value))
		}
		l.children = append(l.children, c)
		l.lives[c] = append(l.lives[c], new(plainLife))
		c.start()
	}
	return l
}

// killing kills a worker every second, and starts it again, until ctx ends.
func (l *plainLine) killing(ctx context.Context, random *rand.Rand) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-second.C:
		case <-ctx.Done():
			return
		}
		c := l.children[random.IntN(len(l.children))]
		c.kill()
		l.mu.Lock()
		l.lives[c][len(l.lives[c])-1].dead = true
		l.lives[c] = append(l.lives[c], new(plainLife))
		l.mu.Unlock()
		c.start()
	}
}

// ran returns what workers have begun that are dead, or live.
func (l *plainLine) ran(dead bool) (all []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lives := range l.lives {
		for _, life := range lives {
			if life.dead == dead {
				all = append(all, life.ran...)
			}
		}
	}
	return all
}

// settle waits until the workers that live have done what they were handed, and
// the sink has it; it returns how much that was.
func (l *plainLine) settle(ctx context.Context) (handed int) {
	must(l.t, l.vent.Wait(ctx))
	for ctx.Err() == nil {
		handed = 0 // one that was killed just now may count for another moment
		for _, p := range l.vent.Stats().Peers {
			handed += int(p.MessagesOut)
		}
		if len(l.ran(false)) >= handed {
			break
		}
		<-time.After(time.Millisecond)
	}
	for _, n := range l.ran(false) {
		l.results.waitFor(l.t, n)
	}
	for _, c := range l.children {
		c.stop()
	}
	return handed
}

// With DeliveryAtMostOnce and workers that are killed every second: how many
// tasks are lost is logged, and every one of them had been handed to a worker
// that died. What those had not been handed, others did.
func TestPlainLosesOnlyWithTheDead(t *testing.T) {
	random := newRand(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*testkit.Patience())
	defer cancel()
	tasks := *sureTasks
	l := newPlainLine(t, 4)
	must(t, l.vent.WaitForWorkers(ctx, len(l.children)))
	var wg sync.WaitGroup
	breaking, calm := context.WithCancel(ctx)
	wg.Go(func() { l.killing(breaking, random) })
	for n := range tasks {
		must(t, gozmqimpl.Push(ctx, l.vent, taskMethod, wrapperspb.Int64(int64(n+1))))
		if n%4 == 3 {
			paced(ctx) // or everything is with the workers before the first one dies
		}
	}
	calm()
	wg.Wait()
	handed := l.settle(ctx)
	l.account(tasks, handed)
}

// account checks that what is lost was lost with the workers that died; those
// that live were handed so many.
func (l *plainLine) account(tasks, handed int) {
	t := l.t
	total := int(l.vent.Stats().MessagesOut)
	byDead := l.ran(true)
	a := l.results.account(t, int64(tasks))
	ran, noResult := make(map[int64]bool), 0
	for _, n := range append(l.ran(false), byDead...) {
		if ran[n] {
			t.Errorf("task %d was run twice", n)
		}
		ran[n] = true
	}
	for _, n := range byDead {
		if _, ok := l.results.places[n]; !ok {
			noResult++
		}
	}
	neverRan := tasks - len(ran)
	t.Logf("%d tasks: %d results, %d lost: %d with workers that died before they ran them, %d results with workers that died; %d were handed to workers that died, who ran %d",
		tasks, a.received, a.lost, neverRan, noResult, total-handed, len(byDead))
	if total != tasks {
		t.Errorf("%d tasks were handed to workers, want each once: %d", total, tasks)
	}
	if neverRan != total-handed-len(byDead) || a.lost != neverRan+noResult {
		t.Error("the account does not add up: a task is lost that no dead worker had")
	}
}
