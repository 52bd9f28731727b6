package gozmq

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A seenTask is what a handler was told of a task.
type seenTask struct {
	number int64
	peer   *Peer
	info   *TaskInfo
}

func seen(ctx context.Context, task proto.Message) seenTask {
	return seenTask{task.(*number).GetValue(), PeerFromContext(ctx), TaskInfoFromContext(ctx)}
}

// TestTaskPeer has a worker take tasks of two ventilators, and tell them apart,
// in its handler and in what hears of failed tasks.
func TestTaskPeer(t *testing.T) {
	all := append(locks(t), lock{name: "NULL", server: NullServer(AllowAny), client: NullClient()})
	for _, l := range all {
		for _, d := range []Delivery{DeliveryAtMostOnce, DeliveryAtLeastOnce} {
			t.Run(l.name+"/"+d.String(), func(t *testing.T) { testTaskPeer(t, l, d) })
		}
	}
}

func testTaskPeer(t *testing.T, l lock, d Delivery) {
	method := &Method{Procedure: "test.Tasks/Who", Delivery: d}
	tasks, failures := make(chan seenTask, 2), make(chan seenTask, 2)
	who := HandleTaskOnly(method, func(ctx context.Context, task *number) error {
		tasks <- seen(ctx, task)
		return Permanent(errors.New("for the sake of it"))
	})
	where := "ipc://" + t.TempDir() + "/s"
	work(t, []TaskHandler{who}, From(Bind(where)), WithSecurity(l.server),
		WithTaskErrorHandler(func(ctx context.Context, _ *Method, task proto.Message, _ error) { failures <- seen(ctx, task) }))
	var vents []*Ventilator
	for _, name := range []string{"v0", "v1"} {
		opts := []VentilatorOption{Connect(where), WithSecurity(l.client), WithRoutingID(name)}
		if d == DeliveryAtLeastOnce {
			opts = append(opts, DeliveryAtLeastOnce)
		}
		vents = append(vents, ventilator(t, opts...))
	}
	for n := range int64(6) {
		v := vents[n%2]
		if err := v.Push(testkit.Within(t), method, wrapperspb.Int64(n)); err != nil {
			t.Fatal(err)
		}
		for _, ch := range []chan seenTask{tasks, failures} {
			wantTaskPeer(t, testkit.Receive(t, ch, "a task"), n, method, l)
		}
	}
}

func wantTaskPeer(t *testing.T, got seenTask, n int64, m *Method, l lock) {
	t.Helper()
	if got.peer == nil || got.info == nil {
		t.Fatalf("task %d: peer %v, info %v", n, got.peer, got.info)
	}
	kind, name, identity := "PUSH", "v0", "ada"
	if m.Delivery == DeliveryAtLeastOnce {
		kind = "ROUTER"
	}
	if n%2 == 1 {
		name = "v1"
	}
	if l.name == "NULL" {
		identity = ""
	}
	p := got.peer
	if got.number != n || p.RoutingID != name || p.SocketType != kind || string(p.Mechanism) != l.name || p.Endpoint == "" {
		t.Errorf("task %d: got %d from %+v", n, got.number, p)
	}
	if p.Identity == nil || p.Identity.Name != identity {
		t.Errorf("task %d: the identity is %+v, want %q", n, p.Identity, identity)
	}
	if got.info.Method != m || (got.info.ID != "") != (m.Delivery == DeliveryAtLeastOnce) {
		t.Errorf("task %d: the info is %+v", n, got.info)
	}
}

// TestTaskInfoOfBatch checks that a task with DeliveryAtMostOnce knows its
// batch.
func TestTaskInfoOfBatch(t *testing.T) {
	tasks := make(chan seenTask, 1)
	v := ventilator(t, Bind("inproc://"+t.Name()))
	work(t, []TaskHandler{HandleTaskOnly(logMethod, func(ctx context.Context, task *number) error {
		tasks <- seen(ctx, task)
		return nil
	})}, From(Connect(v.Addrs()...)))
	b := v.StartBatch("album")
	for ctx, want := range map[context.Context]string{b.Context(testkit.Within(t)): "album", testkit.Within(t): ""} {
		if err := v.Push(ctx, logMethod, wrapperspb.Int64(1)); err != nil {
			t.Fatal(err)
		}
		if got := testkit.Receive(t, tasks, "a task").info; got == nil || got.Batch != want || got.Method != logMethod {
			t.Errorf("the info is %+v, want batch %q", got, want)
		}
	}
}
