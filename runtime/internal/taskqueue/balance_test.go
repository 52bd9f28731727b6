package taskqueue

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"
)

// A simWorker does one task after the other, each in the same time, and holds
// further ones ready.
type simWorker struct {
	*Peer
	takes time.Duration
	queue []*Task
	ends  time.Time // of the first task of queue
	done  int
}

// Workers of different speeds, in simulated time: all is done within 15 % of
// what it takes when nobody is ever idle.
func TestBalance(t *testing.T) {
	const tasks, limit = 1000, 1.15
	tests := []struct {
		name   string
		credit int
		takes  []time.Duration
	}{
		{"1:10, nothing ahead", 1, []time.Duration{100, 10}},
		{"1:10, one ahead", 2, []time.Duration{100, 10}},
		{"1:1:10:10", 2, []time.Duration{100, 100, 10, 10}},
		{"1:2:5:10", 2, []time.Duration{100, 50, 20, 10}},
		{"equal", 2, []time.Duration{10, 10, 10}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := NewQueue(Limits{Tasks: tasks, Bytes: 1 << 30})
			rate := 0.0 // tasks in a nanosecond
			var workers []*simWorker
			for _, takes := range tt.takes {
				workers = append(workers, &simWorker{Peer: join(q, tt.credit), takes: takes})
				rate += 1 / float64(takes)
			}
			for i := range tasks {
				q.Add(&Task{ID: ID(fmt.Sprint(i))})
			}
			took := simulate(t, q, workers)
			ideal := tasks / rate
			for _, w := range workers {
				t.Logf("a worker that takes %d has done %d", w.takes, w.done)
			}
			t.Logf("took %d, ideal is %.0f: %.1f %% more", took, ideal, 100*(float64(took)/ideal-1))
			if float64(took) > limit*ideal {
				t.Errorf("took %d, ideal is %.0f", took, ideal)
			}
		})
	}
}

// simulate runs workers until the queue is empty, and returns how long it took.
func simulate(t *testing.T, q *Queue, workers []*simWorker) time.Duration {
	now := start
	for q.Len() > 0 {
		for task, p := q.Next(now); task != nil; task, p = q.Next(now) {
			w := workers[slices.IndexFunc(workers, func(w *simWorker) bool { return w.Peer == p })]
			if w.queue = append(w.queue, task); len(w.queue) == 1 {
				w.ends = now.Add(w.takes)
			}
		}
		busy := slices.DeleteFunc(slices.Clone(workers), func(w *simWorker) bool { return len(w.queue) == 0 })
		w := slices.MinFunc(busy, func(a, b *simWorker) int { return cmp.Compare(a.ends.UnixNano(), b.ends.UnixNano()) })
		now = w.ends
		if _, err := q.Done(w.Peer, w.queue[0].ID); err != nil {
			t.Fatal(err)
		}
		w.done++
		w.queue = w.queue[1:]
		w.ends = now.Add(w.takes)
	}
	return now.Sub(start)
}
