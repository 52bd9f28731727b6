package interop

import (
	"context"
	"iter"
	"testing"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// TestPythonGetsRetained: a libzmq SUB gets the last messages of before as
// plain messages, then those that follow.
func TestPythonGetsRetained(t *testing.T) {
	leakChecked(t)
	python(t)
	pub := newFeedPublisher(t, gozmq.Bind(anyPort))
	alert := func(region, text string) {
		t.Helper()
		a := &weatherv1.Alert{Severity: weatherv1.Severity_SEVERITY_WATCH, Region: region, Text: text}
		if err := pub.Alerts(testkit.Within(t), a); err != nil {
			t.Fatal(err)
		}
	}
	alert("coast", "one")
	alert("hills", "two")
	alert("coast", "three")
	p := start(t, messageClasses(t), "retained.py", pub.Addrs()[0], "3")
	p.expect("alerts/SEVERITY_WATCH/hills two 1 True True")
	p.expect("alerts/SEVERITY_WATCH/coast three 2 True True")
	alert("hills", "four")
	p.expect("alerts/SEVERITY_WATCH/hills four 2 True False")
	p.wait()
}

// TestPythonRetains: a libzmq XPUB replays to all that subscribed; our subscriber
// that knows the alerts already drops them, and the new one gets them.
func TestPythonRetains(t *testing.T) {
	leakChecked(t)
	pub, at := startPeer(t, "retaining_publisher.py", "bind", anyPort)
	subscribe := func() <-chan *weatherv1.Alert {
		t.Helper()
		sub := newFeedSubscriber(t, gozmq.Connect(at[0]))
		alerts := follow(t, func(ctx context.Context) iter.Seq2[*weatherv1.Alert, error] { return sub.Alerts(ctx) })
		pub.expect("replayed")
		return alerts
	}
	publish := func(line string) {
		t.Helper()
		pub.input(line)
		pub.expect("published")
	}
	want := func(alerts <-chan *weatherv1.Alert, all ...string) {
		t.Helper()
		for _, text := range all {
			if got := get(t, alerts).GetText(); got != text {
				t.Errorf("got %q, want %q", got, text)
			}
		}
	}
	publish("coast one")
	first := subscribe()
	want(first, "one")
	publish("hills two")
	publish("coast three")
	want(first, "two", "three")
	second := subscribe() // to the same prefix
	want(second, "two", "three")
	publish("coast four")
	want(second, "four")
	want(first, "four") // and no replay before
}
