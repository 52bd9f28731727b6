package pipeline

import (
	"fmt"
	"testing"
	"time"
)

// What is kept is forgotten when its time is over, and the oldest beyond the
// limits.
func TestRetained(t *testing.T) {
	var r retained
	now := time.Unix(1000, 0)
	if _, ok := r.wake(); ok || r.expire(now) != nil {
		t.Error("an empty one has something to do")
	}
	for n, after := range []time.Duration{3, 1, 2} {
		r.add(TaskState{ID: fmt.Sprint(n), Body: make([]byte, 100)}, now.Add(after))
	}
	r.remove(r.byID["2"])
	for _, want := range []string{"1", "0"} {
		when, _ := r.wake()
		if r.expire(when.Add(-1)) != nil {
			t.Error("one was forgotten too early")
		}
		if got := r.expire(when); got == nil || got.ID != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	if r.bytes != 0 || len(r.byID) > 0 || !r.order.Empty() {
		t.Errorf("%d bytes are left of nothing", r.bytes)
	}
	big := make([]byte, MaxRetainedBytes/3)
	forgotten := 0
	for n := range 10 {
		forgotten += len(r.add(TaskState{ID: fmt.Sprint(n), Body: big}, now))
	}
	if len(r.byID) != 2 || forgotten != 8 || r.byID["9"] == nil || r.byID["8"] == nil {
		t.Errorf("%d large ones are kept, %d forgotten", len(r.byID), forgotten)
	}
	if got := r.add(TaskState{ID: "huge", Body: make([]byte, 2*MaxRetainedBytes)}, now); len(got) != 2 || len(r.byID) != 1 {
		t.Errorf("a huge one pushed %d out, and %d are left", len(got), len(r.byID))
	}
}
