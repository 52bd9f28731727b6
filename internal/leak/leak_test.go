package leak

import (
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func TestLeaked(t *testing.T) {
	before := Now()
	if left := leaked(before); len(left) > 0 {
		t.Fatal(report(left))
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		<-stop
	}()
	left := leaked(before)
	if len(left) != 1 || !strings.Contains(report(left), "TestLeaked") {
		t.Errorf("found %d goroutines, want the one that was started:\n%s", len(left), report(left))
	}
	close(stop)
	<-stopped
	Check(t, before)
}

// TestSubtests wants the goroutines that wait for tests not to count.
func TestSubtests(t *testing.T) {
	before := Running{}
	for _, name := range []string{"a", "b"} {
		t.Run(name, func(t *testing.T) {
			Check(t, before) // the goroutine of the test before may still be ending
		})
	}
}
