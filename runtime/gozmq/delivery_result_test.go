package gozmq

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A worker sends the result with the end of a task for which its ventilator asks,
// and again when the task comes again; not one that is larger than asked for.
func TestResultToVentilator(t *testing.T) {
	endpoint, accept := listenRaw(t, zmtp.Router)
	results := sink(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"))
	ctx, cancel := context.WithCancel(t.Context())
	var looping sync.WaitGroup
	looping.Go(func() {
		for _, err := range Results[wrapperspb.Int64Value](ctx, results, sureMethod) {
			if err != nil {
				t.Error(err)
			}
		}
	})
	t.Cleanup(looping.Wait)
	t.Cleanup(cancel)
	work(t, []TaskHandler{HandleTask(sureMethod, func(_ context.Context, n *number) (*number, error) {
		return wrapperspb.Int64(10 * n.GetValue()), nil
	})}, From(Connect(endpoint)), To(Connect(results.Addrs()...)), WithConcurrency(1), WithPrefetch(1))
	vent := accept()
	vent.recv() // its credit
	result := encode(t, wrapperspb.Int64(70))
	end := func(id string, n int64, keep int, want ...string) {
		t.Helper()
		header := testHeader(1, 0)
		header.KeepResult = keep
		vent.send(string(wire.VerbTask), id, sureMethod.Procedure, encode(t, wrapperspb.Int64(n)), string(wire.AppendTaskHeader(nil, header)))
		got := vent.recv()
		for got[0] == string(wire.VerbExtend) || got[0] == string(wire.VerbCredit) {
			got = vent.recv()
		}
		if want = append([]string{string(wire.VerbDone), id}, want...); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	end("a", 7, len(result), result)
	end("a", 7, len(result), result)
	end("empty", 0, 1, "")
	end("large", 7, len(result)-1)
	end("unasked", 7, 0)
}

// A ventilator asks for the results of tasks that are kept, and for no others. What
// it has not asked for, it ignores.
func TestResultFromWorker(t *testing.T) {
	v := openQueue(t, new(gozmqstore.Memory))
	raw := rawWorker(t, v, 10)
	result := encode(t, wrapperspb.Int64(70))
	for _, c := range []struct {
		name   string
		retain time.Duration
		end    []string
		want   Code // of its result; 0: there is one
	}{
		{"result", time.Hour, []string{result}, 0},
		{"no result", time.Hour, nil, CodeNotFound},
		{"too large", time.Hour, []string{string(make([]byte, wire.MaxKeptResult+1))}, CodeNotFound},
		{"malformed", time.Hour, []string{"\xff"}, CodeInvalidArgument},
		{"not kept", 0, []string{result}, CodeNotFound},
	} {
		var info TaskInfo
		push(t, StoreInfo(PushOptions{Retain: c.retain}.Context(t.Context()), &info), v, 7)
		got := raw.recv()
		keep := wire.ParseTaskHeader([]byte(got[4])).KeepResult
		if got[1] != info.ID || info.Method != sureMethod || keep > 0 != (c.retain > 0) || keep > wire.MaxKeptResult {
			t.Errorf("%s: got %q of %+v, and %d bytes to keep", c.name, got[:2], info, keep)
		}
		if running, err := v.Task(info.ID); err != nil || running.State != TaskRunning || running.Result() != nil {
			t.Errorf("%s: %+v, %v", c.name, running, err)
		}
		raw.send(append([]string{string(wire.VerbDone), info.ID}, c.end...)...)
		waitDone(t, v)
		task, err := v.Task(info.ID)
		if c.retain == 0 {
			wantCode(t, err, c.want)
			continue
		}
		out := new(number)
		if err = task.UnmarshalResult(out); err == nil {
			err = v.Discard(testkit.Within(t), info.ID)
		}
		if CodeOf(err) != c.want || c.want == 0 && out.GetValue() != 70 {
			t.Errorf("%s: the result is %v, %v", c.name, out, err)
		}
	}
	raw.Conn.Close()
}

// The id of a pushed task is what the worker and the interceptors see.
func TestPushedID(t *testing.T) {
	seen := make(chan string, 1)
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithInterceptors(func(ctx context.Context, call *CallInfo, m proto.Message, next Next) (proto.Message, error) {
		m, err := next(ctx, m)
		seen <- call.Task.ID
		return m, err
	}))
	raw := rawWorker(t, v, 1)
	batch := v.StartBatch("album")
	var info TaskInfo
	push(t, StoreInfo(AppendMetadata(batch.Context(t.Context()), "tenant", "acme"), &info), v, 1)
	id, _ := raw.wantTask(sureMethod, 1)
	if via := <-seen; info.ID != id || via != id || info.Batch != "album" || info.Metadata.Get("tenant") != "acme" {
		t.Errorf("task %q was pushed as %+v, and seen as %q", id, info, via)
	}
	raw.send(string(wire.VerbDone), id)
	waitDone(t, v)
	raw.Conn.Close()
}

func push(t *testing.T, ctx context.Context, v *Ventilator, n int64) {
	t.Helper()
	if err := v.Push(ctx, sureMethod, wrapperspb.Int64(n)); err != nil {
		t.Fatal(err)
	}
}
