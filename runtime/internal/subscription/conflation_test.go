package subscription

import (
	"fmt"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// TestConflation checks what waits, what is replaced and what is given up.
func TestConflation(t *testing.T) {
	var c counters
	q := newQueue(QueueConfig{Messages: 1, Bytes: 1}, lru.Bounds{Count: 2, Bytes: 1 << 20}, &c, nil)
	put := func(topic, body string) {
		q.putNewest(&wire.Publication{Topic: []byte(topic), Body: []byte(body)})
	}
	take := func() (got string) {
		q.Drain(t.Context(), func(p *wire.Publication) bool {
			got = string(p.Topic) + "=" + string(p.Body)
			return false
		})
		return got
	}
	put("a", "1")
	put("b", "1")
	put("a", "2")
	q.tryPut(&wire.Publication{Topic: []byte("c"), Body: []byte("1")}) // the rest of the queue takes turns with it
	if queued, taken := q.Progress(); queued != 3 || taken != 0 {
		t.Errorf("%d are queued, %d taken", queued, taken)
	}
	for _, want := range []string{"c=1", "a=2", "b=1"} {
		if got := take(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for i := range 5 {
		put(fmt.Sprint(i), "")
	}
	if q.Dropped() != 3 || c.dropped.Load() != 3 || c.superseded.Load() != 1 || q.conflated.len() != 2 {
		t.Errorf("%d and %d dropped, %d superseded, %d wait", q.Dropped(), c.dropped.Load(), c.superseded.Load(), q.conflated.len())
	}
	take()
	take()
	if q.conflated.topics.Bytes() != 0 {
		t.Errorf("%d bytes are left", q.conflated.topics.Bytes())
	}
	q.Close()
	put("late", "")
	if q.conflated.len() != 0 {
		t.Error("a closed queue took a message")
	}
}
