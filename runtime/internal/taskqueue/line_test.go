package taskqueue

import (
	"testing"
	"time"
)

// Nothing is left of a key whose tasks are all over, also if they were never handed
// out.
func TestKeysAreForgotten(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(q *Queue, p *Peer)
	}{
		{"done", func(q *Queue, p *Peer) {
			q.Credit(p, 1)
			task, _ := q.Next(start)
			_, _ = q.Done(p, task.ID)
		}},
		{"expired", func(q *Queue, _ *Peer) { q.Expire(start.Add(time.Minute)) }},
		{"discarded", func(q *Queue, _ *Peer) { q.Discard("a", nil) }},
		{"refused", func(q *Queue, p *Peer) {
			q.Limit(p, 1)
			q.Credit(p, 1)
			q.Next(start)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := NewQueue(Limits{Tasks: 100, Bytes: 1 << 20})
			q.LimitMethod("m", MethodLimit{PerKey: Limit{Running: 1}})
			p := q.Join()
			q.Add(&Task{
				ID: "a", Procedure: "m", Body: make([]byte, 10), Lease: time.Minute,
				Terms: &Terms{Key: "k", Expires: start.Add(time.Second)},
			})
			test.end(q, p)
			if q.Len() != 0 {
				t.Fatalf("%d tasks are left", q.Len())
			}
			if n := len(q.line.methods["m"].keys); n != 0 {
				t.Errorf("%d keys are left", n)
			}
		})
	}
}
