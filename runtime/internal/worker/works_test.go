package worker

import (
	"context"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// TestWorks checks that a task costs no allocation, whatever comes in turn, and
// that connections which have ended are forgotten.
func TestWorks(t *testing.T) {
	pull := socket.NewPull(testConfig(zmtp.Pull), socket.FixedWindow(1))
	t.Cleanup(func() { _ = pull.Shutdown(testkit.Within(t)) })
	ep := bind(t, pull.Links())
	from := func() (*socket.Push, *link.Conn) {
		p := pushing(t, ep)
		push(t, p, "log", "1")
		r, err := pull.Recv(testkit.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		return p, r.Conn()
	}
	first, a := from()
	_, b := from()
	works := newWorks(context.Background(), func(c *link.Conn) any { return &c.Peer })
	log, square := method("log", nil, nil), method("square", nil, nil)
	of := func(c *link.Conn, m *Method, task Task) *fakeWork { return works.of(c, m, task).(*fakeWork) }
	made := make(map[*fakeWork]bool)
	for _, c := range []*link.Conn{a, b} {
		for _, m := range []*Method{log, square} {
			made[of(c, m, Task{})] = true
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, c := range []*link.Conn{a, a, b} {
			for _, m := range []*Method{log, square} {
				if w := of(c, m, Task{}); w.task.Peer != &c.Peer || w.task.Peer != works.peers.Of(c) || !made[w] {
					t.Error("the work is that of another task")
				}
			}
		}
	}); n != 0 || len(works.made) != 4 || len(made) != 4 {
		t.Errorf("%v allocations, %d works for 4 kinds of tasks", n, len(works.made))
	}
	for _, own := range []*fakeWork{of(a, log, Task{Batch: "batch"}), of(a, log, Task{Metadata: wire.Metadata{"k": {"v"}}})} {
		if made[own] {
			t.Error("a task of a batch, or with metadata, shares its work")
		}
		own.metadata = wire.Metadata{"k": {"v"}}
	}
	of(a, log, Task{}).metadata = wire.Metadata{"k": {"v"}}
	if header, err := resultHeader(of(a, log, Task{}), nil); header != nil || err != nil || len(works.made) != 4 {
		t.Errorf("the next task has the result header %x (%v) of the one before; %d works", header, err, len(works.made))
	}
	_ = first.Shutdown(testkit.Within(t))
	<-a.Closed()
	_, c := from()
	of(c, log, Task{})
	if len(works.made) != 3 {
		t.Errorf("%d works are kept, want those of two connections that live", len(works.made))
	}
}
