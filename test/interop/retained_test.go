package interop

import (
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
