package soak

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// soakTasks is a pipeline in this process with three kinds of workers: one that
// nothing happens to, one behind proxies, and two in processes that are killed.
// Beside it there is a pipeline that nothing happens to, and a ventilator in a
// process that is killed, whose tasks a sink here takes.
type soakTasks struct {
	t                          testing.TB
	mixed, calm                *pipeline
	steady, cut                *numberLog // what the workers ran
	killed                     *numberLog
	from, to                   *gozmqtest.Proxy
	children                   []*child
	remote                     *child
	remoteProxy                *gozmqtest.Proxy
	remoteSent, remoteReceived *numberLog
}

// A pipeline is a ventilator and a sink.
type pipeline struct {
	t       testing.TB
	vent    *gozmq.Ventilator
	sink    *gozmq.Sink
	sent    int64 // the loader's, then the checker's
	results *numberLog
}

func newPipeline(t testing.TB, opts ...gozmq.SocketOption) *pipeline {
	bind := gozmq.Bind(gozmqtest.Endpoint(), anyPort)
	vent, sink := []gozmq.VentilatorOption{bind}, []gozmq.SinkOption{gozmq.Bind(gozmqtest.Endpoint(), anyPort)}
	for _, o := range opts {
		vent, sink = append(vent, o), append(sink, o)
	}
	p := &pipeline{t: t, results: newNumberLog()}
	p.sink = gozmqtest.Open(gozmq.NewSink(sink...)).For(t)
	follow(t, p.results, p.sink, taskMethod)
	p.vent = gozmqtest.Open(gozmq.NewVentilator(vent...)).For(t)
	return p
}

func (p *pipeline) push(n int) {
	for range n {
		p.sent++
		if err := gozmqimpl.Push(testkit.Within(p.t), p.vent, taskMethod, wrapperspb.Int64(p.sent)); err != nil {
			p.t.Errorf("task %d: %v", p.sent, err)
		}
	}
}

// work runs a worker until the test ends.
func work(t testing.TB, ran *numberLog, from, to string) {
	gozmqtest.Run(t, func(ctx context.Context) error { return runWorker(ctx, ran.add, from, to) })
}

func newSoakTasks(t testing.TB) *soakTasks {
	s := &soakTasks{t: t, steady: newNumberLog(), cut: newNumberLog(), killed: newNumberLog()}
	s.calm = newPipeline(t)
	work(t, newNumberLog(), s.calm.vent.Addrs()[0], s.calm.sink.Addrs()[0])

	s.mixed = newPipeline(t, beating())
	tasks, results := s.mixed.vent.Addrs(), s.mixed.sink.Addrs()
	work(t, s.steady, tasks[0], results[0])
	s.from, s.to = gozmqtest.NewProxy(t, tasks[1]), gozmqtest.NewProxy(t, results[1])
	work(t, s.cut, s.from.Endpoint(), s.to.Endpoint())
	for range 2 {
		s.children = append(s.children, &child{t: t, role: "worker", args: func(int) []string { return []string{tasks[1], results[1]} }, heard: s.heard})
	}

	s.remoteSent, s.remoteReceived = newNumberLog(), newNumberLog()
	// It connects, so that it has one connection at a time.
	sink := gozmqtest.Open(gozmq.NewSink(gozmq.Bind(anyPort), beating())).For(t)
	follow(t, s.remoteReceived, sink, taskMethod)
	s.remoteProxy = gozmqtest.NewProxy(t, sink.Addrs()[0])
	s.remote = newSource(t, "ventilator", s.remoteSent, s.remoteProxy)
	return s
}

// heard takes in what the killed workers have run.
func (s *soakTasks) heard(_ int, _, value string) { s.killed.add(s.children[0].number(value)) }

// load pushes until ctx ends.
func (s *soakTasks) load(ctx context.Context, wg *sync.WaitGroup) {
	for _, p := range []*pipeline{s.mixed, s.calm} {
		wg.Go(func() {
			for paced(ctx) {
				p.push(4)
			}
		})
	}
}

// recovered checks that all workers work again, and that then nothing is lost.
func (s *soakTasks) recovered() {
	p := s.mixed
	for _, log := range []*numberLog{s.steady, s.cut, s.killed} {
		first := p.sent + 1
		come := make(chan struct{})
		go func() {
			defer close(come)
			log.wait(s.t, "a task at the end, for each kind of worker", func() bool { return log.last >= first })
		}()
		for done := false; !done; {
			p.push(4)
			paced(context.Background())
			select {
			case <-come:
				done = true
			default:
			}
		}
	}
	s.remoteReceived.newer(s.t)
	first := p.sent + 1
	p.push(200)
	for n := first; n <= p.sent; n++ {
		p.results.waitFor(s.t, n)
	}
	s.calm.results.waitFor(s.t, s.calm.sent)
}

func (s *soakTasks) report() {
	t := s.t
	kills := s.children[0].kills + s.children[1].kills
	t.Logf("PUSH/PULL: %d pushed; %d workers and %d ventilators killed; %d, %d and %d connections of the others",
		s.mixed.sent, kills, s.remote.kills, s.from.Connections(), s.to.Connections(), s.remoteProxy.Connections())
	t.Log("pipeline that nothing happens to:")
	s.calm.results.account(t, s.calm.sent).wantWhole(t)
	s.reportMixed(kills + s.from.Connections() + s.to.Connections() - 2)
	t.Log("killed ventilator:")
	s.remoteReceived.after(s.remoteSent).account(t, s.remoteSent.len()).wantBreaks(t, s.remoteProxy.Connections())
}

// reportMixed accounts for each task of the pipeline with all kinds of workers.
func (s *soakTasks) reportMixed(breaks int) {
	t := s.t
	workers := []struct {
		name   string
		log    *numberLog
		steady bool
	}{{"steady", s.steady, true}, {"behind proxies", s.cut, false}, {"killed", s.killed, false}}
	runs, noResult := 0, 0
	ranBy := make(map[int64]string)
	for _, w := range workers {
		unanswered := 0
		for _, n := range w.log.list {
			if other, twice := ranBy[n]; twice {
				t.Errorf("task %d was run by the worker %s and by the one %s", n, other, w.name)
			}
			ranBy[n] = w.name
			if _, ok := s.mixed.results.places[n]; !ok {
				unanswered++
			}
		}
		if len(w.log.twice) > 0 || w.steady && unanswered > 0 {
			t.Errorf("worker %s: %d tasks ran twice; %d results are lost", w.name, len(w.log.twice), unanswered)
		}
		t.Logf("worker %s: %d ran, %d of their results are lost", w.name, len(w.log.list), unanswered)
		runs += len(w.log.list)
		noResult += unanswered
	}
	for _, n := range s.mixed.results.list {
		if _, ok := ranBy[n]; !ok {
			t.Errorf("the result of task %d came, and no worker ran it", n)
		}
	}
	a := s.mixed.results.account(t, s.mixed.sent)
	neverRan := a.sent - runs
	t.Logf("%d sent = %d results + %d lost on the way to a worker + %d lost with or after it; %d breaks", a.sent, a.received, neverRan, noResult, breaks)
	if a.sent != a.received+neverRan+noResult {
		t.Error("the account does not add up")
	}
	if a.lost > 0 && breaks == 0 {
		t.Errorf("%d tasks are lost, and nothing has broken", a.lost)
	}
}
