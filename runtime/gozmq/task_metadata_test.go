package gozmq

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// squareOf is squareMethod with that guarantee.
func squareOf(d Delivery) *Method {
	if d == DeliveryAtLeastOnce {
		return sureMethod
	}
	return squareMethod
}

// bothDeliveries runs a test with each guarantee, on a pipeline.
func bothDeliveries(t *testing.T, test func(t *testing.T, m *Method, open func(v []VentilatorOption, k []SinkOption) *testPipeline)) {
	for _, d := range []Delivery{DeliveryAtMostOnce, DeliveryAtLeastOnce} {
		t.Run(d.String(), func(t *testing.T) {
			test(t, squareOf(d), func(v []VentilatorOption, k []SinkOption) *testPipeline {
				return site{endpoint: "ipc://" + t.TempDir() + "/v"}.pipelineOf(t, d, v, k)
			})
		})
	}
}

// pipelineOf is pipeline with that guarantee, where the sink binds beside the
// ventilator.
func (s site) pipelineOf(t *testing.T, d Delivery, v []VentilatorOption, k []SinkOption) *testPipeline {
	t.Helper()
	vent := ventilator(t, append(v, d, Bind(s.endpoint))...)
	snk := sink(t, append(k, d, Bind(s.endpoint+"k"))...)
	return &testPipeline{vent, snk, From(Connect(vent.Addrs()...)), To(Connect(snk.Addrs()...))}
}

// A task's metadata reaches the worker, and with what the worker adds the sink; a
// task without metadata has none, whatever came before it.
func TestTaskMetadata(t *testing.T) {
	bothDeliveries(t, func(t *testing.T, m *Method, open func([]VentilatorOption, []SinkOption) *testPipeline) {
		p := open([]VentilatorOption{WithRoutingID("vent")}, nil)
		seen := make(chan TaskInfo, 1)
		work(t, []TaskHandler{HandleTask(m, func(ctx context.Context, task *number) (*number, error) {
			info := TaskInfoFromContext(ctx)
			seen <- *info
			if task.GetValue()%2 == 0 {
				info.AddResultMetadata("host", "b7")
				info.AddResultMetadata("host", "b8")
			}
			return squares(ctx, task)
		})}, p.from, p.to, WithRoutingID("worker"))
		b := p.StartBatch("album")
		var info TaskInfo
		next := nextResult(t, p.Sink, m, &info)
		for n := range int64(12) {
			ctx, metadata, batch, added := testkit.Within(t), Metadata(nil), "", Metadata(nil)
			if n%3 == 0 {
				ctx = AppendMetadata(ctx, "tenant", "acme", "bin", "\x00\xff", "tenant", "b")
				metadata = Metadata{"tenant": {"acme", "b"}, "bin": {"\x00\xff"}}
			}
			if n%4 < 2 {
				ctx, batch = b.Context(ctx), "album"
			}
			if n%2 == 0 {
				added = Metadata{"host": {"b7", "b8"}}
			}
			if err := p.Push(ctx, m, wrapperspb.Int64(n)); err != nil {
				t.Fatal(err)
			}
			at := testkit.Receive(t, seen, "the task")
			wantTaskInfo(t, &at, m, "vent", batch, metadata, nil)
			if got := next(); got.GetValue() != n*n {
				t.Errorf("result %v of task %d", got, n)
			}
			wantTaskInfo(t, &info, m, "worker", batch, metadata, added)
			if at.ID != info.ID {
				t.Errorf("the task has the id %x, its result %x", at.ID, info.ID)
			}
		}
	})
}

// nextResult returns a function that waits for the next result of a loop, which
// stores its description in info.
func nextResult(t *testing.T, s *Sink, m *Method, info *TaskInfo) func() *number {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	turn, got, done := make(chan struct{}), make(chan *number), make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range Results[number](StoreInfo(ctx, info), s, m) {
			if err != nil {
				t.Error(err)
			}
			select {
			case got <- m:
			case <-ctx.Done():
			}
			select {
			case <-turn: // info may be written again
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	first := true
	return func() *number {
		t.Helper()
		if !first {
			turn <- struct{}{}
		}
		first = false
		return testkit.Receive(t, got, "a result")
	}
}

func wantTaskInfo(t *testing.T, i *TaskInfo, m *Method, peer, batch string, metadata, added Metadata) {
	t.Helper()
	if i.Peer == nil || i.Peer.RoutingID != peer || i.Method != m || i.Batch != batch || (i.ID != "") != (m.Delivery == DeliveryAtLeastOnce) {
		t.Errorf("peer %+v, want %s; batch %q, want %q; id %x", i.Peer, peer, i.Batch, batch, i.ID)
	}
	if want := map[Delivery]int{DeliveryAtLeastOnce: 1}[m.Delivery]; i.Attempt != want {
		t.Errorf("attempt %d, want %d", i.Attempt, want)
	}
	if !reflect.DeepEqual(i.Metadata, metadata) || !reflect.DeepEqual(i.ResultMetadata, added) {
		t.Errorf("metadata %q and %q, want %q and %q", i.Metadata, i.ResultMetadata, metadata, added)
	}
	if i.Context() == nil {
		t.Error("no context")
	}
}

// A puller's loop has the description of tasks.
func TestPulledTaskMetadata(t *testing.T) {
	for _, d := range []Delivery{DeliveryAtMostOnce, DeliveryAtLeastOnce} {
		t.Run(d.String(), func(t *testing.T) {
			v := ventilator(t, d, Bind("inproc://"+t.Name()), WithRoutingID("vent"))
			k, err := NewPuller(d, Connect(v.Addrs()...))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { k.Close() })
			var info TaskInfo
			m := squareOf(d)
			next := nextResult(t, k, m, &info)
			for _, metadata := range []Metadata{{"k": {"v"}}, nil} {
				ctx := testkit.Within(t)
				if metadata != nil {
					ctx = AppendMetadata(ctx, "k", "v")
				}
				if err := v.Push(ctx, m, wrapperspb.Int64(3)); err != nil {
					t.Fatal(err)
				}
				next()
				wantTaskInfo(t, &info, m, "vent", "", metadata, nil)
			}
		})
	}
}

// Push refuses metadata that is not allowed, and metadata beside bare framing.
func TestTaskMetadataRefused(t *testing.T) {
	bare := &Method{Procedure: "test.Tasks/Bare", Bare: true}
	for _, d := range []Delivery{DeliveryAtMostOnce, DeliveryAtLeastOnce} {
		v := ventilator(t, d, Bind("inproc://"+t.Name()+d.String()))
		for _, test := range []struct {
			method *Method
			pairs  []string
			code   Code
			text   string
		}{
			{squareOf(d), []string{"Key", "v"}, CodeInvalidArgument, "metadata key"},
			{squareOf(d), []string{"key"}, CodeInvalidArgument, "has no value"},
			{squareOf(d), []string{"k", strings.Repeat("v", wire.MaxMetadata)}, CodeResourceExhausted, "16384 are allowed"},
			{bare, []string{"k", "v"}, CodeInvalidArgument, "bare framing has no place for metadata"},
		} {
			if d == DeliveryAtLeastOnce && test.method == bare {
				continue
			}
			err := v.Push(AppendMetadata(testkit.Within(t), test.pairs...), test.method, wrapperspb.Int64(1))
			wantCode(t, err, test.code, test.text)
		}
	}
}

// Metadata of a result that is not allowed fails its task for good.
func TestResultMetadataRefused(t *testing.T) {
	bothDeliveries(t, func(t *testing.T, m *Method, open func([]VentilatorOption, []SinkOption) *testPipeline) {
		p := open(nil, nil)
		failed, option := failures()
		work(t, []TaskHandler{HandleTask(m, func(ctx context.Context, task *number) (*number, error) {
			TaskInfoFromContext(ctx).AddResultMetadata("Not allowed", "v")
			return task, nil
		})}, p.from, p.to, option)
		if err := p.Push(testkit.Within(t), m, wrapperspb.Int64(1)); err != nil {
			t.Fatal(err)
		}
		wantCode(t, testkit.Receive(t, failed, "the failure").err, CodeInvalidArgument, "result: metadata key")
		if m.Delivery == DeliveryAtLeastOnce {
			wantProgress(t, p.Ventilator.Progress, Progress{Failed: 1})
		}
	})
}

// A dead letter, and a task that a store has kept, have the task's metadata.
func TestTaskMetadataStored(t *testing.T) {
	store := new(memoryStore)
	m := leased(0, 1)
	for _, batch := range []bool{false, true} {
		v, err := NewVentilator(DeliveryAtLeastOnce, Bind("inproc://"+t.Name()), WithTaskStore(store))
		if err != nil {
			t.Fatal(err)
		}
		ctx := AppendMetadata(testkit.Within(t), "tenant", "acme")
		if batch {
			ctx = v.StartBatch("album").Context(ctx)
		}
		if err := v.Push(ctx, m, wrapperspb.Int64(1)); err != nil {
			t.Fatal(err)
		}
		v.Close()
		dead, option := letters()
		v = ventilator(t, DeliveryAtLeastOnce, Bind("inproc://"+t.Name()), WithTaskStore(store), option)
		seen := make(chan TaskInfo, 1)
		w := work(t, []TaskHandler{HandleTaskOnly(m, func(ctx context.Context, _ *number) error {
			seen <- *TaskInfoFromContext(ctx)
			return Permanent(errors.New("no"))
		})}, From(Connect(v.Addrs()...)))
		info := testkit.Receive(t, seen, "the task")
		letter := wantLetter(t, dead, 1, 1, CodeUnknown, "no")
		for _, got := range []Metadata{info.Metadata, letter.Metadata} {
			if got.Get("tenant") != "acme" || len(got) != 1 || (info.Batch != "") != batch {
				t.Errorf("the metadata is %q, the batch %q", got, info.Batch)
			}
		}
		waitDone(t, v)
		if err := w.stop(); err != nil {
			t.Error(err)
		}
		v.Close()
	}
}

// A proxy passes metadata on as it is.
func TestProxyTaskMetadata(t *testing.T) {
	p := proxy(t, PatternPushPull, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"))
	v := ventilator(t, Connect(p.FrontAddrs()...))
	w := dialRaw(t, p.BackAddrs()[0], zmtp.Pull)
	if err := v.Push(AppendMetadata(testkit.Within(t), "k", "v"), squareMethod, wrapperspb.Int64(1)); err != nil {
		t.Fatal(err)
	}
	want := string(wire.AppendTaskHeader(nil, wire.TaskHeader{Metadata: wire.Metadata{"k": {"v"}}}))
	if got := w.recv(); len(got) != 3 || got[2] != want {
		t.Errorf("got %q, want the header %q", got, want)
	}
}

// Without metadata, a task costs no byte and no allocation for it.
func TestTaskWithoutMetadata(t *testing.T) {
	v := ventilator(t, Bind("tcp://127.0.0.1:*"))
	w := dialRaw(t, v.Addrs()[0], zmtp.Pull)
	if err := v.Push(testkit.Within(t), squareMethod, wrapperspb.Int64(1)); err != nil {
		t.Fatal(err)
	}
	if got := w.recv(); len(got) != 2 {
		t.Errorf("got %q, want a method and a body", got)
	}
	ctx := testkit.Within(t)
	worker := &workerTask{taskContext: taskContext{ctx, TaskInfo{Method: squareMethod}}}
	if n := testing.AllocsPerRun(100, func() {
		m, err := taskMetadata(ctx, squareMethod)
		result, err2 := worker.ResultMetadata()
		if m != nil || err != nil || result != nil || err2 != nil {
			t.Error("there is metadata")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
