package taskqueue

import (
	"fmt"
	"time"
)

// A LimitError says that no worker takes a task because it is too large.
type LimitError struct {
	Size  int
	Limit int64 // the largest of the workers'
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("a task of %d bytes exceeds the limit of %d that the workers announce (send less, or raise it there with WithMaxMessageSize)", e.Size, e.Limit)
}

// maxRefusals is how often a task waits for a worker that takes its size, each time
// twice as long, before it is given up.
const maxRefusals = 5

// headerRoom is at most how many bytes an attempt's header is longer than a task's.
const headerRoom = 32

// largest returns the size of the task's largest frame.
func (t *Task) largest() int {
	n := max(len(t.Body), len(t.Procedure), len(t.ID))
	if len(t.Header) > 0 {
		n = max(n, len(t.Header)+headerRoom)
	}
	return n
}

// takes reports whether the task is within the peer's limit.
func (p *Peer) takes(t *Task) bool { return p.limit <= 0 || int64(t.largest()) <= p.limit }

// Limit sets the size of the largest task that p takes; 0 is without limit.
func (q *Queue) Limit(p *Peer, n int64) {
	p.limit = n
	q.findLimit()
}

// findLimit finds the largest limit of the peers that have granted credit.
func (q *Queue) findLimit() {
	q.limit = 0
	for p := range q.peers {
		switch {
		case !p.granted:
		case p.limit <= 0:
			q.limit = 0
			return
		default:
			q.limit = max(q.limit, p.limit)
		}
	}
}

// Fits returns a *LimitError if there are workers and none takes a task of this
// size.
func (q *Queue) Fits(t *Task) error {
	if n := t.largest(); q.limit > 0 && int64(n) > q.limit {
		return &LimitError{Size: n, Limit: q.limit}
	}
	return nil
}

// refuse has a task that waits, and that no worker takes, wait for another one.
// After some time it is given up.
func (q *Queue) refuse(t *Task, reason error, now time.Time) {
	t.Reason = reason
	h := t.history()
	h.refusals++
	if d := q.limits.Backoff.after(h.refusals); d > 0 && h.refusals < maxRefusals {
		q.quitLine(t)
		if !t.Control {
			q.counts.Queued--
		}
		q.pause(t, now.Add(d))
		return
	}
	q.finish(t, true)
	q.refused = append(q.refused, t)
}

// Refused returns the tasks that were given up since the last call because no
// worker takes their size. Control messages may be among them.
func (q *Queue) Refused() []*Task {
	list := q.refused
	q.refused = nil
	return list
}
