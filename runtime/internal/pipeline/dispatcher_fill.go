package pipeline

import "time"

// A Fill says how full a Dispatcher's queue is.
type Fill struct {
	Tasks, Bytes       int // that are not finished
	MaxTasks, MaxBytes int
	Oldest             time.Time // when the task was pushed, or restored, that has been there for the longest time
}

// Fill returns how full the queue is.
func (d *Dispatcher) Fill() Fill {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Fill{
		Tasks: d.queue.Len(), Bytes: d.queue.Bytes(), MaxTasks: d.cfg.MaxTasks, MaxBytes: d.cfg.MaxBytes, Oldest: d.queue.Oldest(),
	}
}
