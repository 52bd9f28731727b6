package gozmq

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// TestStatsOfRunningCalls looks at a server with one place and one that waits, at
// its callers, and at a client without a server.
func TestStatsOfRunningCalls(t *testing.T) {
	h := newStuck(t)
	server := serve(t, Bind("inproc://"+t.Name()), h.handlers(), WithConcurrency(1), WithMaxWaiting(1))
	c := dial(t, Connect(server.addr()))
	var calls sync.WaitGroup
	call := func() { calls.Go(func() { _ = callEcho(testkit.Within(t), c, "x") }) }
	call()
	testkit.Receive(t, h.called, "the first call")
	call()
	testkit.Eventually(t, "a call that waits", func() bool { return server.Stats().Calls.Waiting == 1 })
	wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeResourceExhausted)
	if got, want := server.Stats().Calls, (CallStats{Running: 1, Waiting: 1, Refused: 1}); got != want {
		t.Errorf("the server has %+v, want %+v", got, want)
	}
	s := c.Stats()
	if s.Calls != (CallStats{Running: 2}) || s.Peers[0].InFlight != 2 || s.Role != "client" {
		t.Errorf("the client has %+v", s)
	}
	testkit.Eventually(t, "two jobs in flight", func() bool { return server.Stats().Peers[0].InFlight == 2 })
	h.free()
	calls.Wait()
	testkit.Eventually(t, "the end of all calls", func() bool {
		return server.Stats().Calls == CallStats{Refused: 1} && server.Stats().Peers[0].InFlight == 0 && c.Stats().Calls == CallStats{}
	})

	lone := dial(t, Connect("inproc://"+t.Name()+"/nobody"))
	ctx, cancel := context.WithCancel(testkit.Within(t))
	calls.Go(func() { _ = callEcho(ctx, lone, "x") })
	testkit.Eventually(t, "a call that waits for a server", func() bool { return lone.Stats().Calls.Waiting == 1 })
	cancel()
	calls.Wait()
	if n := lone.Stats().Calls; n != (CallStats{}) {
		t.Errorf("after the call: %+v", n)
	}
}

// TestStatsOfAttempts counts retries, hedges and calls that went to another server.
func TestStatsOfAttempts(t *testing.T) {
	var tries atomic.Int32
	m := &Method{Procedure: "test.Service/Retry", Idempotency: IdempotencyIdempotent, MaxAttempts: 3}
	server := serve(t, Bind("inproc://"+t.Name()), []Handler{Handle(m, func(_ context.Context, req *bytez) (*bytez, error) {
		if tries.Add(1) < 3 {
			return nil, Errorf(CodeUnavailable, "not now")
		}
		return req, nil
	})})
	c := dial(t, Connect(server.addr()))
	if _, err := Call[bytez](testkit.Within(t), c, m, wrapperspb.Bytes(nil)); err != nil {
		t.Fatal(err)
	}
	if got, want := c.Stats().Calls, (CallStats{Retried: 2}); got != want {
		t.Errorf("after two retries: %+v, want %+v", got, want)
	}

	hm, handlers, _, gaveUp := hedged(t, 1)
	server = serve(t, Bind("inproc://"+t.Name()+"/hedged"), handlers)
	c = dial(t, Connect(server.addr()))
	if _, err := Call[bytez](testkit.Within(t), c, hm, wrapperspb.Bytes(nil), WithHedging(2, time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, gaveUp, "the end of the first attempt")
	if got, want := c.Stats().Calls, (CallStats{Hedged: 1}); got != want {
		t.Errorf("after a hedge: %+v, want %+v", got, want)
	}

	// The first server goes while it has the call.
	h := newStuck(t)
	im := &Method{Procedure: echoMethod.Procedure, Idempotency: IdempotencyIdempotent}
	first := dialRawServer(t)
	c = dial(t, Bind("tcp://127.0.0.1:*"))
	raw := first(c.Addrs()[0])
	done := make(chan error, 1)
	go func() {
		_, err := Call[bytez](testkit.Within(t), c, im, wrapperspb.Bytes(nil))
		done <- err
	}()
	raw.recv()
	h.free()
	serve(t, Connect(c.Addrs()[0]), echoHandlers())
	if err := c.WaitForServers(testkit.Within(t), 2); err != nil {
		t.Fatal(err)
	}
	raw.Close()
	if err := testkit.Receive(t, done, "the reply"); err != nil {
		t.Fatal(err)
	}
	if got, want := c.Stats().Calls, (CallStats{FailedOver: 1}); got != want {
		t.Errorf("after a server went: %+v, want %+v", got, want)
	}
}

// dialRawServer returns what connects a server by hand.
func dialRawServer(t *testing.T) func(endpoint string) *rawPeer {
	return func(endpoint string) *rawPeer { return dialRaw(t, endpoint, "ROUTER") }
}

// TestStatsOfTasks follows tasks through a ventilator: queued, held, dead.
func TestStatsOfTasks(t *testing.T) {
	dead, option := letters()
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), option, WithTaskQueue(50, 1<<20), WithRetryBackoff(0, 0))
	m := leased(time.Hour, 2)
	before := time.Now()
	pushNumbers(t, v, m, 3)
	s := v.Stats()
	if s.Tasks.Queued != 3 || s.OldestTask <= 0 || s.OldestTask > time.Since(before) {
		t.Errorf("three tasks wait: %+v, the oldest for %v", s.Tasks, s.OldestTask)
	}
	if q := s.Queues[0]; len(s.Queues) != 1 || q.Name != "tasks" || q.Messages != 3 || q.MaxMessages != 50 || q.Bytes < 3 || q.MaxBytes != 1<<20 {
		t.Errorf("the task queue is %+v", s.Queues)
	}
	w := work(t, []TaskHandler{HandleTask(m, func(context.Context, *number) (*number, error) {
		return nil, errors.New("no")
	})}, From(Connect(v.Addrs()...)), To(Connect("inproc://"+t.Name())))
	for range 3 {
		testkit.Receive(t, dead, "a dead letter")
	}
	testkit.Eventually(t, "that three tasks were given up", func() bool {
		s = v.Stats()
		return s.Tasks.Failed == 3 && s.Tasks.Redelivered == 3 && s.OldestTask == 0 && s.Queues[0].Messages == 0
	})
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the end of the worker", func() bool { return len(v.Stats().Peers) == 0 })
	raw := rawWorker(t, v, 10)
	pushNumbers(t, v, m, 2)
	first, _ := raw.wantTask(m, 1)
	second, _ := raw.wantTask(m, 2)
	if peers := v.Stats().Peers; len(peers) != 1 || peers[0].InFlight != 2 {
		t.Errorf("a worker has two tasks: %+v", peers)
	}
	raw.send(string(wire.VerbDone), first)
	raw.send(string(wire.VerbDone), second)
	testkit.Eventually(t, "the end of both", func() bool { s = v.Stats(); return s.Peers[0].InFlight == 0 && s.Tasks.Done == 2 })
}

// TestStatsOfQueues fills queues up to their marks and beyond, and asks why
// messages are gone.
func TestStatsOfQueues(t *testing.T) {
	const queue, sent = 10, 25
	p := publisher(t, Bind("inproc://"+t.Name()), WithSendQueue(100, 1<<20))
	sub := subscriber(t, Connect(p.Addrs()[0]))
	open(t, sub, stations("ams"), WithReceiveQueue(queue, 1<<20), WithOverflow(OverflowDropNewest))
	ready(t, sub)
	notes(t, p, "ams", 0, sent)
	var s Stats
	testkit.Eventually(t, "the drops", func() bool { s = sub.Stats(); return s.Overflowed == sent-queue })
	if q := s.Queues[0]; len(s.Queues) != 1 || q.Name != "weather/ams/temperature" || q.Messages != queue || q.MaxMessages != queue || q.Bytes == 0 || q.MaxBytes != 1<<20 || q.Dropped != sent-queue {
		t.Errorf("the queue is %+v", s.Queues)
	}
	if len(s.Endpoints) != 1 || s.Endpoints[0] != (EndpointStats{p.Addrs()[0], true, 1, MechanismNull}) || s.SendQueue != 1000 || s.SendQueueBytes != 4<<20 {
		t.Errorf("the subscriber has %+v", s)
	}
	if s := p.Stats(); s.Role != "publisher" || s.SendQueue != 100 || len(s.Endpoints) != 1 || s.Endpoints[0] != (EndpointStats{p.Addrs()[0], false, 1, MechanismNull}) {
		t.Errorf("the publisher has %+v", s)
	}

	small := subscriber(t, Connect(p.Addrs()[0]), WithMaxMessageSize(100))
	open(t, small, stations("big"))
	ready(t, small)
	publish(t, p, at("big", string(make([]byte, 200))))
	testkit.Eventually(t, "a drop", func() bool { s = p.Stats(); return s.TooLarge == 1 })
	if s.Dropped != 1 {
		t.Errorf("%d dropped, want 1, which was too large", s.Dropped)
	}
}
