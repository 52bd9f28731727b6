package gozmqstore

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrLost says that a session no longer owns its queue.
var ErrLost = errors.New("the queue has another owner")

// Memory is a Store in memory, for tests, and for ventilators of one process
// that follow one another. Its zero value is an empty queue.
type Memory struct {
	mu    sync.Mutex
	owner *memorySession
	freed chan struct{} // closed when the owner has gone; nil: nobody waits
	tasks map[string]*memoryTask
	last  uint64
}

type memoryTask struct {
	Task
	place uint64 // the order of Put
}

// Acquire waits until nobody owns the queue, or ctx ends (Store).
func (m *Memory) Acquire(ctx context.Context, standby func()) (Session, error) {
	for called := false; ; called = true {
		session, freed := m.own()
		if session != nil {
			return session, nil
		}
		if !called {
			standby()
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// own makes a session, or returns what is closed when the next one may be made.
func (m *Memory) own() (Session, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owner != nil {
		if m.freed == nil {
			m.freed = make(chan struct{})
		}
		return nil, m.freed
	}
	m.owner = &memorySession{memory: m, lost: make(chan struct{})}
	return m.owner, nil
}

// Revoke takes the queue from its owner, as a lease that ends does, and gives it
// to the next session that waits.
func (m *Memory) Revoke() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owner != nil {
		close(m.owner.lost)
		m.give()
	}
}

// give frees the queue; m.mu is held.
func (m *Memory) give() {
	m.owner = nil
	if m.freed != nil {
		close(m.freed)
		m.freed = nil
	}
}

// Tasks returns a copy of all records, in the order of their Put.
func (m *Memory) Tasks() []Task {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]*memoryTask, 0, len(m.tasks))
	for _, t := range m.tasks {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *memoryTask) int { return int(a.place) - int(b.place) })
	tasks := make([]Task, 0, len(list))
	for _, t := range list {
		tasks = append(tasks, t.copied())
	}
	return tasks
}

// copied returns a task in memory of its own.
func (t *Task) copied() Task {
	c := *t
	c.Body, c.Header, c.Result = bytes.Clone(t.Body), bytes.Clone(t.Header), bytes.Clone(t.Result)
	return c
}

// A memorySession is the ownership of a Memory.
type memorySession struct {
	memory *Memory
	lost   chan struct{}
}

// Load visits all records (Session).
func (s *memorySession) Load(_ context.Context, visit func(Task) error) error {
	for _, t := range s.memory.Tasks() {
		if err := visit(t); err != nil {
			return err
		}
	}
	return nil
}

// Apply makes a change, unless the queue has another owner (Session).
func (s *memorySession) Apply(_ context.Context, change *Change) error {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owner != s {
		return ErrLost
	}
	for i := range change.Put {
		m.put(&change.Put[i])
	}
	for id, status := range change.Update {
		if t := m.tasks[id]; t != nil {
			status.Result = bytes.Clone(status.Result)
			t.Status = status
		}
	}
	for _, id := range change.Delete {
		delete(m.tasks, id)
	}
	return nil
}

func (m *Memory) put(t *Task) {
	if m.tasks[t.ID] == nil {
		if m.tasks == nil {
			m.tasks = make(map[string]*memoryTask)
		}
		m.last++
		m.tasks[t.ID] = &memoryTask{t.copied(), m.last}
	}
}

// Lost returns what Revoke closes (Session).
func (s *memorySession) Lost() <-chan struct{} { return s.lost }

// Release frees the queue (Session).
func (s *memorySession) Release(context.Context) error {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	if s.memory.owner == s {
		s.memory.give()
	}
	return nil
}
