package call

import (
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/status"
)

// Failures use a budget up, successes fill it again.
func TestRetryBudget(t *testing.T) {
	var b budget
	down := status.Errorf(status.Unavailable, "down")
	for n := range 5 {
		if !b.allows() {
			t.Fatalf("no retry after %d failures", n)
		}
		b.note(down)
	}
	if b.allows() {
		t.Error("retries go on while everything fails")
	}
	b.note(nil)
	if !b.allows() {
		t.Error("no retry although calls succeed again")
	}
}
