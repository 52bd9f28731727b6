package gozmq

import (
	"context"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// The methods of a pipeline that loses no task.
var (
	sureMethod = &Method{Procedure: "test.Sure/Square", Delivery: DeliveryAtLeastOnce}
	sureLog    = &Method{Procedure: "test.Sure/Log", Delivery: DeliveryAtLeastOnce}
)

// leased is sureMethod with other limits.
func leased(lease time.Duration, attempts int) *Method {
	m := *sureMethod
	m.Lease, m.MaxAttempts = lease, attempts
	return &m
}

// surely are the handlers of a worker with DeliveryAtLeastOnce that squares.
func surely(run square) []TaskHandler { return []TaskHandler{HandleTask(sureMethod, run)} }

// surePipeline opens both ends at sockets of their own that bind.
func (s site) surePipeline(t testing.TB, v []VentilatorOption, k []SinkOption) *testPipeline {
	t.Helper()
	return s.pipeline(t, append([]VentilatorOption{DeliveryAtLeastOnce}, v...), append([]SinkOption{DeliveryAtLeastOnce}, k...))
}

// pushSure pushes the numbers from one to n.
func (p *testPipeline) pushSure(t testing.TB, m *Method, n int) {
	t.Helper()
	pushNumbers(t, p.Ventilator, m, n)
}

func pushNumbers(t testing.TB, v *Ventilator, m *Method, n int) {
	t.Helper()
	ctx := testkit.Within(t)
	for i := range n {
		if err := v.Push(ctx, m, wrapperspb.Int64(int64(i+1))); err != nil {
			t.Errorf("task %d: %v", i+1, err)
			return
		}
	}
}

// wantSureSquares takes the results of n tasks, and acknowledges them; each is
// to come once.
func (p *testPipeline) wantSureSquares(t testing.TB, n int) {
	t.Helper()
	seen := make(map[int64]int, n)
	ctx, stop := context.WithCancel(testkit.Within(t))
	defer stop()
	for m, err := range Results[number](ctx, p.Sink, sureMethod) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[m.GetValue()]++; len(seen) == n {
			stop() // and the last one is acknowledged
		}
	}
	for i := int64(1); i <= int64(n); i++ {
		if seen[i*i] != 1 {
			t.Fatalf("the result of task %d came %d times", i, seen[i*i])
		}
	}
}

// waitDone waits until the ventilator has nothing left.
func waitDone(t testing.TB, v *Ventilator) {
	t.Helper()
	if err := v.Wait(testkit.Within(t)); err != nil {
		t.Fatalf("Wait: %v; %v", err, v.Progress())
	}
}

// wantProgress waits until the numbers are right.
func wantProgress(t testing.TB, read func() Progress, want Progress) {
	t.Helper()
	deadline := time.Now().Add(testkit.Patience())
	for got := read(); got != want; got = read() {
		if time.Now().After(deadline) {
			t.Fatalf("progress is %v, want %v", got, want)
		}
		<-time.After(time.Millisecond)
	}
}

// rawWorker connects a peer that speaks for itself to a ventilator, and grants
// it credit.
func rawWorker(t testing.TB, v *Ventilator, credit int) *rawPeer {
	t.Helper()
	p := dialRaw(t, v.Addrs()[0], zmtp.Dealer)
	p.send(string(wire.VerbCredit), strconv.Itoa(credit))
	return p
}

// wantTask receives a task and returns its id and attempt.
func (p *rawPeer) wantTask(m *Method, n int64) (id string, attempt int) {
	p.t.Helper()
	got := p.recv()
	if len(got) != 5 || got[0] != string(wire.VerbTask) || got[2] != m.Procedure || got[3] != encode(p.t, wrapperspb.Int64(n)) {
		p.t.Fatalf("got %q, want task %d", got, n)
	}
	return got[1], wire.ParseTaskHeader([]byte(got[4])).Attempt
}

// wantBegun receives a worker's word that it has begun a task.
func (p *rawPeer) wantBegun(id string) {
	p.t.Helper()
	if got := p.recv(); len(got) < 2 || got[0] != string(wire.VerbExtend) || got[1] != id {
		p.t.Fatalf("got %q, want that task %q was begun", got, id)
	}
}

// recvEnd receives a worker's word on a task, which says that it was begun only
// if it has not ended at once.
func (p *rawPeer) recvEnd(id string) []string {
	p.t.Helper()
	got := p.recv()
	if len(got) > 1 && got[0] == string(wire.VerbExtend) && got[1] == id {
		got = p.recv()
	}
	return got
}

// letters collects dead letters.
func letters() (chan DeadLetter, VentilatorOption) {
	ch := make(chan DeadLetter, 100)
	return ch, WithDeadLetterHandler(func(_ context.Context, d DeadLetter) error { ch <- d; return nil })
}

// wantLetter receives a dead letter and checks whose it is.
func wantLetter(t testing.TB, ch <-chan DeadLetter, n int64, attempts int, code Code, parts ...string) DeadLetter {
	t.Helper()
	d := testkit.Receive(t, ch, "the dead letter")
	got := new(number)
	if err := d.Unmarshal(got); err != nil || got.GetValue() != n || d.Attempts != attempts {
		t.Errorf("dead letter of task %d after %d attempts (%v), want task %d after %d", got.GetValue(), d.Attempts, err, n, attempts)
	}
	wantCode(t, d.Reason, code, parts...)
	return d
}
