package interop

import (
	"context"
	"iter"
	"testing"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A hostRenderer says where a picture was rendered, as a worker of the examples.
type hostRenderer struct{ renderer }

func (r hostRenderer) Render(ctx context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	info := gozmq.TaskInfoFromContext(ctx)
	if info.Metadata.Get("tenant") == "acme" {
		info.AddResultMetadata("host", "b7")
	}
	result, err := r.renderer.Render(ctx, task)
	result.Worker = "python"
	return result, err
}

// The examples of metadata, played against our own ends.
func TestTaskMetadataExamples(t *testing.T) {
	ex := examples(t)
	ctx := gozmq.AppendMetadata(testkit.Within(t), "tenant", "acme")
	picture := &imagev1.RenderTask{Name: "a.png", Png: []byte("a large picture"), Size: 64}

	tasks, results := listenRaw(t), listenRaw(t)
	vent := newVentilator(t, gozmq.Connect(tasks.endpoint()))
	p := tasks.accept("PULL", 1)
	if err := vent.Render(ctx, picture); err != nil {
		t.Fatal(err)
	}
	p.expect(ex["pushpull-metadata"])

	worked, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- imagev1gozmq.RunThumbnailsWorker(worked, hostRenderer{}, gozmq.From(gozmq.Bind("inproc://"+t.Name())), gozmq.To(gozmq.Connect(results.endpoint())))
	}()
	out := results.accept("PULL", 1)
	vent = newVentilator(t, gozmq.Connect("inproc://"+t.Name()))
	if err := vent.Render(ctx, picture); err != nil {
		t.Fatal(err)
	}
	out.expect(ex["pushpull-metadata-result"])
	if err := vent.Wait(testkit.Within(t)); err != nil { // before its worker is gone
		t.Error(err)
	}
	stop()
	if err := get(t, ended); err != nil {
		t.Error(err)
	}

	sink, infos, at := newDescribedSink(t, gozmq.Bind(anyPort))
	dialRaw(t, at[0], "PUSH", 1).send(ex["pushpull-metadata-result"])
	wantResults(t, sink, "a.png by python")
	info := get(t, infos)
	wantMetadata(t, &info, "acme", "b7")

	sure := newPrintsVentilator(t, gozmq.Bind(anyPort))
	d := dialRaw(t, sure.Addrs()[0], "DEALER", 1)
	d.send(ex["delivery-credit"])
	if err := sure.Render(ctx, picture); err != nil {
		t.Fatal(err)
	}
	got := d.read(len(ex["delivery-metadata"]))
	want := append([]byte(nil), ex["delivery-metadata"]...)
	copy(want[startOfTaskID:endOfTaskID], got[startOfTaskID:])
	sameBytes(t, got, want)
	d.send(append(append([]byte(nil), ex["delivery-done"][:startOfTaskID]...), got[startOfTaskID:endOfTaskID]...))
	if err := sure.Wait(testkit.Within(t)); err != nil {
		t.Error(err)
	}
}

func wantMetadata(t *testing.T, info *gozmq.TaskInfo, tenant, host string) {
	t.Helper()
	if info.Metadata.Get("tenant") != tenant || info.ResultMetadata.Get("host") != host || info.Peer == nil {
		t.Errorf("the info is %+v", info)
	}
}

// newDescribedSink is newSink with the description of each result.
func newDescribedSink(t *testing.T, opts ...gozmq.SinkOption) (<-chan *imagev1.RenderResult, <-chan gozmq.TaskInfo, []string) {
	t.Helper()
	socket := openSink(t, opts...)
	sink := view(t, socket, imagev1gozmq.NewThumbnailsSink)
	results, infos := describedResults(t, sink.Render)
	return results, infos, socket.Addrs()
}

// describedResults follows a loop.
func describedResults(t *testing.T, loop func(context.Context) iter.Seq2[*imagev1.RenderResult, error]) (<-chan *imagev1.RenderResult, <-chan gozmq.TaskInfo) {
	t.Helper()
	infos := make(chan gozmq.TaskInfo, 100)
	return follow(t, func(ctx context.Context) iter.Seq2[*imagev1.RenderResult, error] {
		var info gozmq.TaskInfo
		return func(yield func(*imagev1.RenderResult, error) bool) {
			for result, err := range loop(gozmq.StoreInfo(ctx, &info)) {
				infos <- info
				if !yield(result, err) {
					return
				}
			}
		}
	}), infos
}

// A worker in Python that sends the header back, and knows nothing of metadata,
// brings it to our sink.
func TestTaskMetadataToPython(t *testing.T) {
	python(t)
	leakChecked(t)
	ctx := gozmq.AppendMetadata(testkit.Within(t), "tenant", "acme")
	picture := &imagev1.RenderTask{Name: "a.png", Png: []byte("a large picture"), Size: 64}

	vent := newVentilator(t, gozmq.Bind(anyPort))
	results, infos, at := newDescribedSink(t, gozmq.Bind(anyPort))
	startPeer(t, "worker.py", "connect", vent.Addrs()[0], "connect", at[0])
	if err := vent.Render(ctx, picture); err != nil {
		t.Fatal(err)
	}
	wantResults(t, results, "a.png by python")
	info := get(t, infos)
	wantMetadata(t, &info, "acme", "")

	sure := newPrintsVentilator(t, gozmq.Bind(anyPort))
	socket := openSink(t, gozmq.DeliveryAtLeastOnce, gozmq.Bind(anyPort))
	results, infos = describedResults(t, view(t, socket, imagev1gozmq.NewPrintsSink).Render)
	startPeer(t, "sureworker.py", "connect", sure.Addrs()[0], "connect", socket.Addrs()[0])
	if err := sure.Render(ctx, picture); err != nil {
		t.Fatal(err)
	}
	wantResults(t, results, "a.png by python")
	info = get(t, infos)
	wantMetadata(t, &info, "acme", "")
	if info.Attempt != 1 || info.ID == "" {
		t.Errorf("the info is %+v", info)
	}
	if err := sure.Wait(testkit.Within(t)); err != nil {
		t.Error(err)
	}
}
