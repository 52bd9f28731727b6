package measure

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// TaskSize is how many bytes a task of Tasks has.
const TaskSize = 64

// tasksPatience is how long the last tasks may take after the last insert.
const tasksPatience = 45 * time.Second

// A Tasks makes tasks, and counts those that workers get. A task that a worker
// gets twice counts once.
type Tasks struct {
	made atomic.Uint64

	mu      sync.Mutex
	seen    map[uint64]struct{}
	latency Histogram
}

// NewTasks returns a Tasks.
func NewTasks() *Tasks { return &Tasks{seen: make(map[uint64]struct{})} }

// Make returns the next task. It has its number and when it was due.
func (t *Tasks) Make(due time.Time) []byte {
	task := make([]byte, TaskSize)
	binary.LittleEndian.PutUint64(task, t.made.Add(1))
	binary.LittleEndian.PutUint64(task[8:], uint64(due.UnixNano()))
	return task
}

// Got counts a task that a worker has got. It may be called from any goroutine.
func (t *Tasks) Got(task []byte) error {
	if len(task) != TaskSize {
		return fmt.Errorf("a task of %d bytes, want %d", len(task), TaskSize)
	}
	seq := binary.LittleEndian.Uint64(task)
	took := time.Now().UnixNano() - int64(binary.LittleEndian.Uint64(task[8:]))
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, twice := t.seen[seq]; twice {
		return nil
	}
	t.seen[seq] = struct{}{}
	t.latency.Add(time.Duration(took))
	return nil
}

// Done returns how many tasks workers have got.
func (t *Tasks) Done() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return uint64(len(t.seen))
}

// Insert has producers insert tasks for d, so many with each call, and returns the
// rate of the inserts.
func (t *Tasks) Insert(producers, batch int, d time.Duration, insert func([][]byte) error) (float64, error) {
	before, begin := t.made.Load(), time.Now()
	err := t.produce(producers, func() ([][]byte, bool) {
		now := time.Now()
		if now.Sub(begin) >= d {
			return nil, false
		}
		tasks := make([][]byte, batch)
		for i := range tasks {
			tasks[i] = t.Make(now)
		}
		return tasks, true
	}, insert)
	return float64(t.made.Load()-before) / time.Since(begin).Seconds(), err
}

// Rate is Insert, and waits until workers have got every task: the rate is that of
// all tasks, from the first insert until the last one is got.
func (t *Tasks) Rate(producers, batch int, d time.Duration, insert func([][]byte) error) (Sample, error) {
	var m meter
	before := t.made.Load()
	m.start()
	begin := time.Now()
	if _, err := t.Insert(producers, batch, d, insert); err != nil {
		return Sample{}, err
	}
	if err := t.wait(); err != nil {
		return Sample{}, err
	}
	return m.sample(t.made.Load()-before, time.Since(begin)), nil
}

// Paced has producers insert tasks one by one at a rate for d, whatever the queue
// does. A task's latency begins when it was due and ends when a worker gets it.
func (t *Tasks) Paced(producers int, rate float64, d time.Duration, insert func([][]byte) error) (Sample, error) {
	t.mu.Lock()
	t.latency = Histogram{}
	t.mu.Unlock()
	var m meter
	m.start()
	var turn atomic.Int64
	n := int64(max(rate*d.Seconds(), 1))
	begin := time.Now()
	err := t.produce(producers, func() ([][]byte, bool) {
		i := turn.Add(1) - 1
		due := begin.Add(time.Duration(float64(i) / rate * 1e9))
		if i >= n {
			return nil, false
		}
		time.Sleep(time.Until(due))
		return [][]byte{t.Make(due)}, true
	}, insert)
	if err == nil {
		err = t.wait()
	}
	s := m.sample(uint64(n), time.Since(begin))
	t.mu.Lock()
	defer t.mu.Unlock()
	s.P50, s.P99 = t.latency.Quantile(0.5), t.latency.Quantile(0.99)
	return s, err
}

// produce runs producers, each of which inserts what next returns until that is
// nothing or an insert fails.
func (t *Tasks) produce(producers int, next func() ([][]byte, bool), insert func([][]byte) error) error {
	failed := make(chan error, producers)
	for range producers {
		go func() {
			for {
				tasks, more := next()
				if !more {
					failed <- nil
					return
				}
				if err := insert(tasks); err != nil {
					failed <- fmt.Errorf("insert: %w", err)
					return
				}
			}
		}()
	}
	var first error
	for range producers {
		if err := <-failed; first == nil {
			first = err
		}
	}
	return first
}

// wait waits until workers have got every task.
func (t *Tasks) wait() error {
	for deadline := time.Now().Add(tasksPatience); t.Done() < t.made.Load(); time.Sleep(200 * time.Microsecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("workers have got %d of %d tasks %v after the last insert", t.Done(), t.made.Load(), tasksPatience)
		}
	}
	return nil
}
