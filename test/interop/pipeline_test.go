package interop

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// renderer does what testdata/peers/worker.py does.
type renderer struct {
	imagev1gozmq.UnimplementedThumbnailsWorker
}

func (renderer) Render(_ context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	if task.GetName() == "fail" {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "cannot render this")
	}
	png := bytes.ReplaceAll(task.GetPng(), []byte("large"), []byte("small"))
	return &imagev1.RenderResult{Name: task.GetName(), Png: png, Worker: "gozmq"}, nil
}

// work runs a worker of ours until the test ends. It returns the addresses that
// were bound: for tasks, then for results.
func work(t *testing.T, opts ...gozmq.WorkerOption) []string {
	t.Helper()
	w, err := imagev1gozmq.NewThumbnailsWorker(renderer{}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := get(t, ended); err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	return w.Addrs()
}

func newVentilator(t *testing.T, at gozmq.Endpoints) thumbnails {
	t.Helper()
	vent := openVentilator(t, at)
	return thumbnails{vent, view(t, vent, imagev1gozmq.NewThumbnailsVentilator)}
}

// render hands out a task for each name.
func render(t *testing.T, vent thumbnails, names ...string) {
	t.Helper()
	for _, name := range names {
		task := &imagev1.RenderTask{Name: name, Png: []byte("a large picture"), Size: 64}
		if err := vent.Render(testkit.Within(t), task); err != nil {
			t.Fatal(err)
		}
	}
}

// newSink returns the results as they come and the addresses that were bound.
func newSink(t *testing.T, at gozmq.Endpoints) (<-chan *imagev1.RenderResult, []string) {
	t.Helper()
	socket := openSink(t, at)
	sink := view(t, socket, imagev1gozmq.NewThumbnailsSink)
	results := follow(t, func(ctx context.Context) iter.Seq2[*imagev1.RenderResult, error] { return sink.Render(ctx) })
	return results, socket.Addrs()
}

// wantResults takes as many results as are wanted, in any order.
func wantResults(t *testing.T, results <-chan *imagev1.RenderResult, want ...string) {
	t.Helper()
	var got []string
	for range want {
		r := get(t, results)
		if string(r.GetPng()) != "a small picture" {
			t.Errorf("the picture of %s is %q", r.GetName(), r.GetPng())
		}
		got = append(got, r.GetName()+" by "+r.GetWorker())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("results are %q, want %q", got, want)
	}
}

// TestPythonPushesToWorker: a Python ventilator, our worker, a Python sink.
func TestPythonPushesToWorker(t *testing.T) {
	ventilator := script{"ventilator.py", []string{"a.png", "b.png", "c.png"}}
	check := func(t *testing.T, vent, sink *process) {
		for _, name := range []string{"a.png", "b.png", "c.png"} {
			sink.expect("result " + name + " gozmq a small picture")
		}
		vent.wait()
	}
	python(t)
	for _, transport := range []struct {
		name     string
		endpoint func(*testing.T) string
	}{{"tcp", tcpEndpoint}, {"ipc", ipcEndpoint}} {
		t.Run("python binds "+transport.name, func(t *testing.T) {
			leakChecked(t)
			vent, tasks := ventilator.start(t, "bind", transport.endpoint(t))
			sink, results := startPeer(t, "sink.py", "bind", transport.endpoint(t))
			work(t, gozmq.From(gozmq.Connect(tasks[0])), gozmq.To(gozmq.Connect(results[0])))
			check(t, vent, sink)
		})
		t.Run("we bind "+transport.name, func(t *testing.T) {
			leakChecked(t)
			at := work(t, gozmq.From(gozmq.Bind(transport.endpoint(t))), gozmq.To(gozmq.Bind(transport.endpoint(t))))
			sink, _ := startPeer(t, "sink.py", "connect", at[1])
			vent, _ := ventilator.start(t, "connect", at[0])
			check(t, vent, sink)
		})
	}
}

// TestVentilatorPushesToPython: our ventilator, a Python worker, our sink.
func TestVentilatorPushesToPython(t *testing.T) {
	meet(t, func(t *testing.T, m meeting) {
		var vent thumbnails
		var results <-chan *imagev1.RenderResult
		tasksAt, resultsAt := m.endpoint(t), m.endpoint(t)
		if m.weBind {
			var at []string
			vent = newVentilator(t, gozmq.Bind(tasksAt))
			results, at = newSink(t, gozmq.Bind(resultsAt))
			startPeer(t, "worker.py", "connect", vent.Addrs()[0], "connect", at[0])
		} else {
			_, at := startPeer(t, "worker.py", "bind", tasksAt, "bind", resultsAt)
			vent = newVentilator(t, gozmq.Connect(at[0]))
			results, _ = newSink(t, gozmq.Connect(at[1]))
		}
		render(t, vent, "a.png", "b.png", "c.png")
		wantResults(t, results, "a.png by python", "b.png by python", "c.png by python")
	})
}

// TestVentilatorSharesOut gives two libzmq workers their turns.
func TestVentilatorSharesOut(t *testing.T) {
	leakChecked(t)
	python(t)
	vent := newVentilator(t, gozmq.Bind(anyPort))
	var workers []*probe
	for range 2 {
		p := newProbe(t, "PULL", nil)
		p.connect(vent.Addrs()[0])
		workers = append(workers, p)
	}
	if err := vent.WaitForWorkers(testkit.Within(t), 2); err != nil {
		t.Fatal(err)
	}
	const tasks = 20
	for n := range uint32(tasks) {
		if err := vent.Render(testkit.Within(t), &imagev1.RenderTask{Size: n}); err != nil {
			t.Fatal(err)
		}
	}
	for _, worker := range workers {
		for n := uint32(0); n < tasks; n += 2 {
			m, task := worker.receive(), new(imagev1.RenderTask)
			if err := proto.Unmarshal(m[1], task); err != nil {
				t.Fatal(err)
			}
			// One worker has the even tasks, the other one the odd ones.
			if task.GetSize()&^1 != n {
				t.Fatalf("got task %d, want %d or %d", task.GetSize(), n, n+1)
			}
		}
	}
}

func TestMebibyteTaskAndResult(t *testing.T) {
	leakChecked(t)
	python(t)
	push, pull := newProbe(t, "PUSH", nil), newProbe(t, "PULL", nil)
	work(t, gozmq.From(gozmq.Connect(push.bind(anyPort))), gozmq.To(gozmq.Connect(pull.bind(anyPort))))
	push.await("HANDSHAKE_SUCCEEDED")
	png := bytes.Repeat([]byte("x"), 1<<20)
	push.send([]byte(renderMethod), encode(t, &imagev1.RenderTask{Png: png}))
	wantFrames(t, pull.receive(), []byte(renderMethod), encode(t, &imagev1.RenderResult{Png: png, Worker: "gozmq"}))
}

// TestWorkerSkipsWhatItCannotDo sends tasks that have no result; those that
// follow are done.
func TestWorkerSkipsWhatItCannotDo(t *testing.T) {
	leakChecked(t)
	python(t)
	push, pull := newProbe(t, "PUSH", nil), newProbe(t, "PULL", nil)
	work(t, gozmq.From(gozmq.Connect(push.bind(anyPort))), gozmq.To(gozmq.Connect(pull.bind(anyPort))))
	push.await("HANDSHAKE_SUCCEEDED")
	task := func(name string) []byte { return encode(t, &imagev1.RenderTask{Name: name}) }
	push.send([]byte("image.v1.Thumbnails/Nothing"), task("unknown method"))
	push.send([]byte(renderMethod), []byte("\xff\xff"))
	push.send([]byte(renderMethod))
	push.send(nil)
	push.send([]byte(renderMethod), task("fail"))
	push.send([]byte(renderMethod), task("good"), []byte("a header from the future"))
	wantFrames(t, pull.receive(), []byte(renderMethod), encode(t, &imagev1.RenderResult{Name: "good", Worker: "gozmq"}), []byte("a header from the future"))
}

// TestSinkReportsMalformedMessages: the stream tells of each and goes on.
func TestSinkReportsMalformedMessages(t *testing.T) {
	leakChecked(t)
	python(t)
	socket := openSink(t, gozmq.Bind(anyPort))
	sink := view(t, socket, imagev1gozmq.NewThumbnailsSink)
	push := newProbe(t, "PUSH", nil)
	push.connect(socket.Addrs()[0])
	push.await("HANDSHAKE_SUCCEEDED")
	push.send([]byte(renderMethod), []byte("\xff\xff"))
	push.send([]byte(renderMethod), encode(t, &imagev1.RenderResult{Name: "a.png"}), []byte("a header from the future"))
	next, end := iter.Pull2(sink.Render(testkit.Within(t)))
	defer end()
	var coded *gozmq.Error
	if _, err, ok := next(); !ok || !errors.As(err, &coded) || coded.Code != gozmq.CodeDataLoss {
		t.Fatalf("undecodable result gave %v, %v, want a *gozmq.Error", err, ok)
	}
	if r, err, ok := next(); !ok || err != nil || r.GetName() != "a.png" {
		t.Fatalf("next is %v, %v, %v", r, err, ok)
	}
}

// TestSinkSurvives has a peer that sends nothing but what nobody asked for;
// the results of others arrive all the same.
func TestSinkSurvives(t *testing.T) {
	for _, test := range []struct {
		name    string
		message []byte
	}{
		{"one frame", rawzmtp.Message([]byte("bare?"))},
		{"four frames", rawzmtp.Message([]byte(renderMethod), nil, nil, nil)},
		{"unknown method", rawzmtp.Message([]byte("image.v1.Thumbnails/Nothing"), nil)},
	} {
		t.Run(test.name, func(t *testing.T) {
			leakChecked(t)
			results, at := newSink(t, gozmq.Bind(anyPort))
			good := dialRaw(t, at[0], "PUSH", 1)
			result := rawzmtp.Message([]byte(renderMethod), encode(t, &imagev1.RenderResult{Name: "a.png"}))
			good.send(result)
			get(t, results)
			bad := dialRaw(t, at[0], "PUSH", 1)
			bad.send(bytes.Repeat(test.message, 5000)) // more than a queue holds
			for range 100 {
				good.send(result)
				get(t, results)
			}
		})
	}
}
