package interop

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// printer does what testdata/peers/sureworker.py does.
type printer struct {
	imagev1gozmq.UnimplementedPrintsWorker
	turns <-chan struct{} // has a value for each task that may end; nil: all may
}

func (p printer) Render(ctx context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	if p.turns != nil {
		<-p.turns
	}
	return renderer{}.Render(ctx, task)
}

func newPrintsVentilator(t *testing.T, opts ...gozmq.VentilatorOption) prints {
	t.Helper()
	vent := openVentilator(t, append(opts, gozmq.DeliveryAtLeastOnce)...)
	return prints{vent, view(t, vent, imagev1gozmq.NewPrintsVentilator)}
}

// printAll hands out a task for each name.
func printAll(t *testing.T, vent prints, names ...string) {
	t.Helper()
	for _, name := range names {
		task := &imagev1.RenderTask{Name: name, Png: []byte("a large picture"), Size: 64}
		if err := vent.Render(testkit.Within(t), task); err != nil {
			t.Fatal(err)
		}
	}
}

func newPrintsSink(t *testing.T, opts ...gozmq.SinkOption) (<-chan *imagev1.RenderResult, []string) {
	t.Helper()
	socket := openSink(t, append(opts, gozmq.DeliveryAtLeastOnce)...)
	sink := view(t, socket, imagev1gozmq.NewPrintsSink)
	results := follow(t, func(ctx context.Context) iter.Seq2[*imagev1.RenderResult, error] { return sink.Render(ctx) })
	return results, socket.Addrs()
}

// The examples with DeliveryAtLeastOnce, played against our own ends. It
// needs no Python.
func TestDeliveryExamplesGozmq(t *testing.T) {
	ex := examples(t)
	for name, play := range map[string]func(*testing.T, map[string][]byte){
		"ventilator": playSureVentilator, "worker": playSureWorker, "sink": playSureSink, "stop": playStop,
	} {
		t.Run(name, func(t *testing.T) {
			leakChecked(t)
			play(t, ex)
		})
	}
}

// Where the example of a task has its id, and of what follows a word of four
// letters.
const startOfTaskID, endOfTaskID = 8, 24

func playSureVentilator(t *testing.T, ex map[string][]byte) {
	vent := newPrintsVentilator(t, gozmq.Bind(anyPort))
	p := dialRaw(t, vent.Addrs()[0], "DEALER", 1)
	p.send(ex["delivery-credit"])
	printAll(t, vent, "a.png")
	got := p.read(len(ex["delivery-task"]))
	id := got[startOfTaskID:endOfTaskID]
	with := func(example string) []byte {
		b := append([]byte(nil), ex[example]...)
		copy(b[indexOfID(b):], id)
		return b
	}
	sameBytes(t, got, with("delivery-task"))
	p.send(with("delivery-extend"))
	p.send(with("delivery-fail"))
	if m := p.readMessage(); string(m[0]) != "TASK" || string(m[1]) != string(id) {
		t.Errorf("got %q, want the task again", m)
	}
	p.send(ex["delivery-credit-cancel"]) // read before what follows
	p.send(with("delivery-done"))
	if err := vent.Wait(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	if got := vent.Progress(); got != (gozmq.Progress{Done: 1, Redelivered: 1}) {
		t.Errorf("progress: %v", got)
	}
	printAll(t, vent, "b.png")
	id = p.readMessage()[1]
	p.send(with("delivery-progress"))
	testkit.Eventually(t, "the progress", func() bool {
		tasks, _, err := vent.Tasks(gozmq.TaskFilter{})
		return err == nil && len(tasks) == 1 && tasks[0].Progress == 0.42 && tasks[0].ProgressText == "page 42"
	})
	if err := vent.Cancel(testkit.Within(t), string(id)); err != nil {
		t.Fatal(err)
	}
	p.expect(with("delivery-cancel"))
	p.send(with("delivery-done"))
	playKeptResult(t, vent, p, ex["delivery-task-keep"], ex["delivery-done-result"])
	if err := vent.StopWorkers(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	p.expect(ex["delivery-stop"])
}

// playKeptResult has a ventilator ask for the result of a task, and give it back.
func playKeptResult(t *testing.T, vent prints, p *rawPeer, task, done []byte) {
	ctx := gozmq.PushOptions{Retain: time.Hour}.Context(testkit.Within(t))
	if err := vent.Render(ctx, &imagev1.RenderTask{Name: "a.png", Png: []byte("a large picture"), Size: 64}); err != nil {
		t.Fatal(err)
	}
	got := p.read(len(task))
	id := got[startOfTaskID:endOfTaskID]
	copy(task[startOfTaskID:], id)
	sameBytes(t, got, task)
	copy(done[startOfTaskID:], id)
	p.send(done)
	if err := vent.Wait(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	result, err := imagev1gozmq.PrintsRenderResult(vent.Ventilator, string(id))
	if err != nil || result.GetName() != "a.png" || result.GetWorker() != "python" {
		t.Errorf("the kept result is %v, %v", result, err)
	}
}

// indexOfID returns where the id of an example begins: behind its first frame,
// and the header of the second.
func indexOfID(example []byte) int { return 2 + int(example[1]) + 2 }

func playSureWorker(t *testing.T, ex map[string][]byte) {
	tasks, results := listenRaw(t), listenRaw(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	turns := make(chan struct{}, 1)
	go func() {
		ended <- imagev1gozmq.RunPrintsWorker(ctx, printer{turns: turns}, gozmq.From(gozmq.Connect(tasks.endpoint())), gozmq.To(gozmq.Connect(results.endpoint())))
	}()
	t.Cleanup(cancel)
	out := results.accept("ROUTER", 1)
	in := tasks.accept("ROUTER", 1)
	in.expect(ex["delivery-credit"])
	in.send(ex["delivery-task"])
	in.expect(ex["delivery-begin"])
	turns <- struct{}{}
	task := tasksFrames(t, ex["delivery-task"])
	want := encode(t, &imagev1.RenderResult{Name: "a.png", Png: []byte("a small picture"), Worker: "gozmq"})
	wantFrames(t, out.readMessage(), []byte("RESULT"), task[1], task[2], want, task[4])
	out.send(ex["delivery-ack"])
	wantFrames(t, in.readBeyondCredit(), tasksFrames(t, ex["delivery-done"])...)

	word := tasksFrames(t, ex["delivery-batch"])
	in.send(rawzmtp.Message(word[0], []byte("another"), word[2], word[3], word[4]))
	wantFrames(t, out.readMessage(), []byte("RESULT"), []byte("another"), nil, nil, word[4])
	m := in.readBeyondCredit() // no handler runs for it, so it may be handled already
	wantFrames(t, m[:min(3, len(m))], []byte("EXTEND"), []byte("another"), []byte("1"))
	out.send(rawzmtp.Message([]byte("ACK"), []byte("another")))
	wantFrames(t, in.readBeyondCredit(), []byte("DONE"), []byte("another"))

	in.send(ex["delivery-alive"]) // which a sink without X-Gozmq does not get
	in.send(ex["delivery-stop"])
	if m = in.readMessage(); string(m[0]) == "CREDIT" && string(m[1]) != "0" { // while it worked
		m = in.readMessage()
	}
	wantFrames(t, m, []byte("CREDIT"), []byte("0"))
	in.conn.Close()
	out.conn.Close()
	if err := get(t, ended); err != nil {
		t.Error(err)
	}
}

// tasksFrames takes an example apart.
func tasksFrames(t *testing.T, example []byte) (frames [][]byte) {
	t.Helper()
	for len(example) > 0 {
		size := int(example[1])
		frames = append(frames, example[2:2+size])
		example = example[2+size:]
	}
	return frames
}

func playSureSink(t *testing.T, ex map[string][]byte) {
	status := make(chan gozmq.BatchStatus, 1)
	results, at := newPrintsSink(t, gozmq.Bind(anyPort), gozmq.WithBatchHandler(func(s gozmq.BatchStatus) { status <- s }))
	p := dialRaw(t, at[0], "DEALER", 1)
	for range 2 { // the second one is a duplicate
		p.send(ex["delivery-result"])
		p.expect(ex["delivery-ack"])
	}
	wantResults(t, results, "a.png by python")
	p.send(ex["delivery-alive"])
	word := tasksFrames(t, ex["delivery-batch"])
	p.send(rawzmtp.Message([]byte("RESULT"), []byte("b"), nil, nil, word[4]))
	wantFrames(t, p.readMessage(), []byte("ACK"), []byte("b"))
	if s := get(t, status); s.Name != "album" || s.ID != "b1" || s.Tasks != 3 || !s.Complete {
		t.Errorf("the batch is %+v", s)
	}
}

// With DeliveryAtMostOnce a worker is stopped by a message.
func playStop(t *testing.T, ex map[string][]byte) {
	vent := newVentilator(t, gozmq.Bind(anyPort))
	p := dialRaw(t, vent.Addrs()[0], "PULL", 1)
	if err := vent.WaitForWorkers(testkit.Within(t), 1); err != nil {
		t.Fatal(err)
	}
	if err := vent.StopWorkers(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	p.expect(ex["pushpull-stop"])

	tasks := listenRaw(t)
	ended := make(chan error, 1)
	go func() {
		ended <- imagev1gozmq.RunThumbnailsWorker(context.Background(), renderer{}, gozmq.From(gozmq.Connect(tasks.endpoint())), gozmq.To(gozmq.Bind(anyPort)))
	}()
	in := tasks.accept("PUSH", 1)
	in.send(ex["pushpull-stop"])
	in.conn.Close()
	if err := get(t, ended); err != nil {
		t.Error(err)
	}
}

// TestSureVentilatorToPython: our ventilator, a Python worker that is killed and
// started again, our sink; nothing is lost, and the worker ends when it is told.
func TestSureVentilatorToPython(t *testing.T) {
	python(t)
	for _, bind := range []string{"connect", "bind"} {
		t.Run("python "+bind+"s", func(t *testing.T) {
			leakChecked(t)
			vent := newPrintsVentilator(t, gozmq.Bind(anyPort), gozmq.WithReconnectBackoff(time.Millisecond, 50*time.Millisecond))
			results, at := newPrintsSink(t, gozmq.Bind(anyPort))
			tasksAt, resultsAt := vent.Addrs()[0], at[0]
			if bind == "bind" {
				tasksAt, resultsAt = tcpEndpoint(t), tcpEndpoint(t)
			}
			first, ends := startPeer(t, "sureworker.py", bind, tasksAt, bind, resultsAt)
			if bind == "bind" {
				vent = newPrintsVentilator(t, gozmq.Connect(ends[0]), gozmq.WithReconnectBackoff(time.Millisecond, 50*time.Millisecond))
				results, _ = newPrintsSink(t, gozmq.Connect(ends[1]), gozmq.WithReconnectBackoff(time.Millisecond, 50*time.Millisecond))
			}
			const tasks = 60
			var names []string
			for i := range tasks {
				names = append(names, fmt.Sprintf("%d.png", i))
			}
			printAll(t, vent, names...)
			seen := make(map[string]bool)
			for len(seen) < tasks/2 {
				seen[get(t, results).GetName()] = true
			}
			first.kill()
			second, _ := startPeer(t, "sureworker.py", bind, ends[0], bind, ends[1])
			for len(seen) < tasks {
				seen[get(t, results).GetName()] = true
			}
			if err := vent.Wait(testkit.Within(t)); err != nil {
				t.Error(err)
			}
			if p := vent.Progress(); p.Done != tasks || p.Failed != 0 {
				t.Errorf("progress: %v", p)
			}
			if err := vent.StopWorkers(testkit.Within(t)); err != nil {
				t.Error(err)
			}
			second.expect("stopped")
		})
	}
}
