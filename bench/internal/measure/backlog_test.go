package measure

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A queue is a source that keeps its messages in a channel.
type queue struct {
	tasks   chan uint64
	highest int
	fail    error
}

func (q *queue) Send(seq uint64) error {
	q.tasks <- seq
	q.highest = max(q.highest, len(q.tasks))
	return nil
}

func (q *queue) Receive(_ int, got func(uint64)) error {
	for seq := range q.tasks {
		if q.fail != nil {
			return q.fail
		}
		got(seq)
		time.Sleep(10 * time.Microsecond)
	}
	return nil
}

func (q *queue) Close() { close(q.tasks) }

func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, waiting := range []int{1, 100} {
			q := &queue{tasks: make(chan uint64, 2*waiting)}
			s, err := Backlog(q, waiting, time.Millisecond, 20*time.Millisecond)
			if err != nil || s.Rate <= 0 {
				t.Errorf("%d waiting: got a rate of %v and %v", waiting, s.Rate, err)
			}
			if q.highest > waiting {
				t.Errorf("%d were to wait: up to %d did", waiting, q.highest)
			}
		}
	})
}

func TestBacklogReportsAReceiver(t *testing.T) {
	want := errors.New("broken")
	q := &queue{tasks: make(chan uint64, 20), fail: want}
	if _, err := Backlog(q, 10, time.Second, time.Second); !errors.Is(err, want) {
		t.Errorf("got %v, want the receiver's error", err)
	}
}
