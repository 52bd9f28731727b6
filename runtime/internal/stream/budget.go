package stream

import "sync/atomic"

// A Budget bounds by how many bytes the windows of several streams may grow
// together. A nil Budget has no bound.
type Budget struct{ left atomic.Int64 }

// NewBudget returns a budget of n bytes.
func NewBudget(n int64) *Budget {
	b := &Budget{}
	b.left.Store(n)
	return b
}

// take takes n bytes; it returns false when there are fewer.
func (b *Budget) take(n int64) bool {
	if b == nil {
		return true
	}
	if b.left.Add(-n) < 0 {
		b.left.Add(n)
		return false
	}
	return true
}

func (b *Budget) give(n int64) {
	if b != nil && n > 0 {
		b.left.Add(n)
	}
}

// A Share is the part of a Budget that the streams of one connection take: at most
// as much as it leaves for others. A nil Share has no bound.
type Share struct {
	budget *Budget
	used   atomic.Int64
}

// NewShare returns a share of b.
func NewShare(b *Budget) *Share { return &Share{budget: b} }

// Used returns how much the connection's streams have taken.
func (s *Share) Used() int64 { return s.used.Load() }

func (s *Share) take(n int64) bool {
	if s == nil || n == 0 {
		return true
	}
	if !s.budget.take(n) {
		return false
	}
	if s.used.Add(n) > s.budget.left.Load() {
		s.give(n)
		return false
	}
	return true
}

func (s *Share) give(n int64) {
	if s != nil && n > 0 {
		s.used.Add(-n)
		s.budget.give(n)
	}
}
