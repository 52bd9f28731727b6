package throttle

import (
	"sync"
	"time"
)

// Sources keeps a Bucket for each of a bounded number of sources, identified by K.
// Its methods may be called from any goroutine.
type Sources[K comparable] struct {
	limit Limit
	most  int

	mu      sync.Mutex
	buckets map[K]Bucket // of the sources whose burst is not whole, or was not recently
}

// NewSources returns sources under one limit. It remembers at most that many; when
// more of them use their burst at the same time, all are forgotten.
func NewSources[K comparable](l Limit, most int) *Sources[K] {
	return &Sources[K]{limit: l, most: most, buckets: make(map[K]Bucket)}
}

// Take counts one event of source k at now, and returns how long k has to wait.
func (s *Sources[K]) Take(k K, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.buckets) >= s.most {
		s.shrink(now)
	}
	b := s.buckets[k]
	wait := b.Take(s.limit, now, 1)
	s.buckets[k] = b
	return wait
}

// Wait returns how long source k has to wait at now, without counting an event.
func (s *Sources[K]) Wait(k K, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buckets[k].Wait(s.limit, now)
}

// Len returns how many sources are remembered.
func (s *Sources[K]) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.buckets)
}

// shrink forgets the sources whose burst is whole, or all of them if there is none.
// s.mu is held.
func (s *Sources[K]) shrink(now time.Time) {
	for k, b := range s.buckets {
		if b.Whole(now) {
			delete(s.buckets, k)
		}
	}
	if len(s.buckets) >= s.most {
		clear(s.buckets)
	}
}
