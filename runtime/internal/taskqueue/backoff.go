package taskqueue

import "time"

// A Backoff says how long a task whose attempt failed, or whose worker was lost,
// waits: First before the second attempt, and Factor times as long before each
// further one, up to Limit. A Factor below 1 stands for 2.
type Backoff struct {
	First, Limit time.Duration
	Factor       float64
}

// after returns how long to wait after that many attempts.
func (b Backoff) after(attempts int) time.Duration {
	factor := b.Factor
	if factor < 1 {
		factor = 2
	}
	d := float64(b.First)
	for i := 1; i < attempts && d < float64(b.Limit) && factor > 1; i++ {
		d *= factor
	}
	return time.Duration(min(d, float64(b.Limit)))
}

// SetBackoff sets the backoff of a method's tasks, in place of the one of Limits.
func (q *Queue) SetBackoff(procedure string, b Backoff) {
	if q.backoffs == nil {
		q.backoffs = make(map[string]Backoff)
	}
	q.backoffs[procedure] = b
}

// backoff returns how long t waits after that many attempts.
func (q *Queue) backoff(t *Task, attempts int) time.Duration {
	if b, ok := q.backoffs[t.Procedure]; ok && !t.Control {
		return b.after(attempts)
	}
	return q.limits.Backoff.after(attempts)
}
