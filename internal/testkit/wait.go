package testkit

import (
	"context"
	"testing"
	"time"
)

// Within returns a context that ends with the test, or with its patience.
func Within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience())
	t.Cleanup(cancel)
	return ctx
}

// Receive waits for a value. what names the missing value in a failure. A closed
// channel yields the zero value, as usual.
func Receive[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	timer := time.NewTimer(Patience())
	defer timer.Stop()
	select {
	case v := <-ch:
		return v
	case <-timer.C:
		t.Fatalf("did not come within %v: %s", Patience(), what)
		panic("not reached")
	}
}

// Eventually waits until ok returns true, for a state without an event. It checks
// once a millisecond.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(Patience()); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("did not come within %v: %s", Patience(), what)
		}
	}
}
