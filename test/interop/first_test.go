package interop

import (
	"context"
	"iter"
	"path/filepath"
	"testing"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// startFirst starts one of the scripts with which docs/PROTOCOL.md begins.
func startFirst(t *testing.T, script string, args ...string) *process {
	t.Helper()
	return start(t, messageClasses(t), filepath.Join("peers", script), args...)
}

// TestFirstBytes: the scripts with which docs/PROTOCOL.md begins send, and
// take, the bytes that stand beside them.
func TestFirstBytes(t *testing.T) {
	python(t)
	ex := examples(t)
	t.Run("call", func(t *testing.T) {
		l := listenRaw(t)
		client := startFirst(t, "first_call.py", l.endpoint())
		p := l.accept("ROUTER", 1)
		p.expect(ex["first-request"])
		p.send(ex["first-reply"])
		client.expect("Hello, World!")
		client.wait()
	})
	t.Run("publication", func(t *testing.T) {
		l := listenRaw(t)
		publisher := startFirst(t, "first_publication.py", l.endpoint())
		p := l.accept("SUB", 1)
		p.send(ex["first-subscription"])
		p.expect(ex["first-publication"])
		publisher.wait()
	})
	t.Run("task", func(t *testing.T) {
		l := listenRaw(t)
		ventilator := startFirst(t, "first_task.py", l.endpoint())
		l.accept("PULL", 1).expect(ex["first-task"])
		ventilator.wait()
	})
}

// TestFirstScripts: our ends answer them.
func TestFirstScripts(t *testing.T) {
	python(t)
	t.Run("call", func(t *testing.T) {
		leakChecked(t)
		at := serveGreeter(t, gozmq.Bind(anyPort), &greeter{})
		client := startFirst(t, "first_call.py", at[0])
		client.expect("Hello, World!")
		client.wait()
	})
	t.Run("publication", func(t *testing.T) {
		leakChecked(t)
		sub := newFeedSubscriber(t, gozmq.Bind(anyPort))
		readings := follow(t, func(ctx context.Context) iter.Seq2[*weatherv1.Reading, error] { return sub.Temperature(ctx) })
		publisher := startFirst(t, "first_publication.py", sub.Addrs()[0])
		if r := get(t, readings); r.GetStation() != "ams" || r.GetCelsius() != 12.5 {
			t.Errorf("got %v", r)
		}
		publisher.wait()
	})
	t.Run("task", func(t *testing.T) {
		leakChecked(t)
		results, at := newSink(t, gozmq.Bind(anyPort))
		tasks := work(t, gozmq.From(gozmq.Bind(anyPort)), gozmq.To(gozmq.Connect(at[0])))
		ventilator := startFirst(t, "first_task.py", tasks[0])
		wantResults(t, results, "a.png by gozmq")
		ventilator.wait()
	})
}
