package link

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stallLimit is how long a partly received message may make no progress while
	// others need its memory.
	stallLimit = time.Second
	// stallSearch is the shortest time between two searches for such messages.
	stallSearch = 50 * time.Millisecond
)

// An incomingShare bounds the memory of the partly received messages of all peers
// together. Without room a large message waits, one at a time may exceed the limit,
// and messages that make no progress are given up. So every message that makes
// progress arrives in the end, and the memory stays below the limit plus one
// message. Small messages never wait: the first buffers of all connections may
// exceed the limit for stallLimit.
type incomingShare struct {
	limit int64
	stall time.Duration
	each  func(func(*Conn))

	held atomic.Int64
	over atomic.Pointer[Conn] // the connection whose message may exceed the limit

	mu       sync.Mutex
	searched time.Time
}

func newIncomingShare(cfg *Config, each func(func(*Conn))) *incomingShare {
	return &incomingShare{limit: cfg.incomingBytes(), stall: cmp.Or(cfg.stallLimit, stallLimit), each: each}
}

// take counts n bytes if there is room for them.
func (s *incomingShare) take(n int64) bool {
	for {
		held := s.held.Load()
		if held+n > s.limit {
			return false
		}
		if s.held.CompareAndSwap(held, held+n) {
			return true
		}
	}
}

// exceed counts n bytes for a message that exceeds the limit, if no other does.
func (s *incomingShare) exceed(c *Conn, n int64) bool {
	if s.over.Load() != c && !s.over.CompareAndSwap(nil, c) {
		return false
	}
	s.held.Add(n)
	return true
}

// free returns n bytes of a message of c.
func (s *incomingShare) free(c *Conn, n int64) {
	if n != 0 {
		s.held.Add(-n)
	}
	if s.over.Load() == c {
		s.over.CompareAndSwap(c, nil)
	}
}

// endStalled gives up messages that make no progress, the one that has stalled
// longest first, until n bytes, or a part of the limit, are free.
func (s *incomingShare) endStalled(n int64) {
	if !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.searched) < stallSearch {
		return
	}
	s.searched = now
	type candidate struct {
		*Conn
		stalled time.Duration
	}
	var list []candidate
	s.each(func(c *Conn) {
		in := &c.reader.incoming
		if d := now.Sub(c.since) - time.Duration(in.mark.Load()); d >= s.stall && in.waiting.Load() && in.stalled.Load() == nil {
			list = append(list, candidate{c, d})
		}
	})
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(b.stalled, a.stalled) })
	held := s.held.Load()
	for _, c := range list {
		if held+n <= s.limit-s.limit/16 {
			return
		}
		held -= c.reader.incoming.counted.Load()
		c.giveUp(fmt.Errorf("message has made no progress for %v while the messages being read from all peers take %d bytes, of at most %d",
			c.stalled.Round(time.Millisecond), s.held.Load(), s.limit))
	}
}
