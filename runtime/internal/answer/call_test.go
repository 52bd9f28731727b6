package answer

import (
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/status"
)

// TestCallThatWaitedTooLongIsNotBegun has a call's turn come when its deadline has
// ended.
func TestCallThatWaitedTooLongIsNotBegun(t *testing.T) {
	c := &Call{server: New(Config{Concurrency: 1}), method: &Method{Procedure: "test.Service/Echo"}, ctx: new(Context)}
	c.server.limiter.running = 1
	c.ctx.deadline = time.Now().Add(-time.Nanosecond)
	if err := c.await(); status.CodeOf(err) != status.DeadlineExceeded {
		t.Error(err)
	} else if text := "deadline_exceeded: test.Service/Echo: was not begun: context deadline exceeded"; err.Error() != text {
		t.Errorf("%q, want %q", err, text)
	}
	if c.server.limiter.running != 0 {
		t.Error("the call keeps its place")
	}
}
