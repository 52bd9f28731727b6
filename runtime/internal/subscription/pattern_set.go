package subscription

import (
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/prefix"
)

// A patternSet holds the patterns of one subscription, each once. It finds the
// patterns of a topic in a time that grows with the topic's length and not with the
// number of patterns: the segments of all patterns form one tree. The Hub's lock
// guards it.
type patternSet struct {
	root     patternLevel
	prefixes map[string]int // the number of live patterns with the prefix
	retired  []*heldPattern // patterns that are not live
	segments []Segment      // reused memory for a pattern's segments
}

// A heldPattern is a pattern of a patternSet. A pattern that is not live was
// removed, and is kept for the resumptions that were added before.
type heldPattern struct {
	Pattern
	prefix string
	live   bool
	since  uint64 // the last resumption when it was added, or its own
	until  uint64 // the last resumption when it was removed
}

// tookAt reports whether the pattern was live when a resumption began, and does not
// itself belong to it.
func (h *heldPattern) tookAt(resumption uint64) bool {
	return h.since < resumption && (h.live || h.until >= resumption)
}

// A patternLevel has the literals that can follow at one place of a topic.
type patternLevel struct {
	literals prefix.Map[*patternLiteral]
}

// A patternLiteral is a literal with what can follow it.
type patternLiteral struct {
	text string
	ends []*heldPattern // patterns that end here; at most one is live
	open []openBranch
	one  [1]*heldPattern // where the only one of ends is
}

// An openBranch is an open field and the levels after it.
type openBranch struct {
	value Value
	next  *patternLevel
}

// grow makes room for n more patterns.
func (s *patternSet) grow(n int) {
	if s.prefixes == nil {
		s.prefixes = make(map[string]int, n)
	}
}

// add adds a pattern at a resumption; it returns false if there is an equal one.
func (s *patternSet) add(p Pattern, since uint64) bool {
	l := s.root.insert(s.split(p))
	if l.live() != nil {
		return false
	}
	h := &heldPattern{Pattern: p, prefix: p.Prefix(), live: true, since: since}
	if l.ends == nil {
		l.ends = l.one[:0]
	}
	l.ends = append(l.ends, h)
	if s.prefixes == nil {
		s.prefixes = make(map[string]int)
	}
	s.prefixes[h.prefix]++
	return true
}

// split returns the segments of p, until the next call.
func (s *patternSet) split(p Pattern) []Segment {
	s.segments = p.AppendSegments(s.segments[:0])
	return s.segments
}

// has reports whether there is a pattern that equals p.
func (s *patternSet) has(p Pattern) bool {
	l := s.root.at(s.split(p))
	return l != nil && l.live() != nil
}

// remove removes and returns the pattern that equals p, nil if there is none.
// It is kept for resumptions up to until; 0 if there are none.
func (s *patternSet) remove(p Pattern, until uint64) *heldPattern {
	l := s.root.at(s.split(p))
	if l == nil {
		return nil
	}
	h := l.live()
	if h == nil {
		return nil
	}
	if s.prefixes[h.prefix]--; s.prefixes[h.prefix] == 0 {
		delete(s.prefixes, h.prefix)
	}
	h.live, h.until = false, until
	if until == 0 {
		s.root.remove(s.split(h), h)
	} else {
		s.retired = append(s.retired, h)
	}
	return h
}

// purge forgets the patterns that are not live.
func (s *patternSet) purge() {
	for _, h := range s.retired {
		s.root.remove(s.split(h), h)
	}
	s.retired = nil
}

// match reports whether a pattern selects a topic, and whether all patterns that do
// conflate it.
func (s *patternSet) match(topic []byte) (taken, conflated bool) {
	conflated = true
	s.root.find(topic, func(h *heldPattern) {
		if h.live {
			taken = true
			conflated = conflated && h.Conflated()
		}
	})
	return taken, conflated && taken
}

// tookAt reports whether a topic was already selected when a resumption began,
// without its own pattern.
func (s *patternSet) tookAt(topic []byte, resumption uint64) (took bool) {
	s.root.find(topic, func(h *heldPattern) { took = took || h.tookAt(resumption) })
	return took
}

// find calls found with each pattern that selects a topic, live or not.
func (l *patternLevel) find(topic []byte, found func(*heldPattern)) {
	l.literals.Match(topic, func(lit *patternLiteral) {
		rest := topic[len(lit.text):]
		if len(rest) == 0 {
			for _, h := range lit.ends {
				found(h)
			}
		}
		for _, b := range lit.open {
			b.next.find(rest[b.value.Len(rest):], found)
		}
	})
}

// at returns where a pattern with those segments ends, nil if it is not there.
func (l *patternLevel) at(segments []Segment) *patternLiteral {
	lit, _ := l.literals.Get(segments[0].Literal)
	if lit == nil || segments[0].Open == nil {
		return lit
	}
	if b := lit.branch(segments[0].Open); b != nil {
		return b.at(segments[1:])
	}
	return nil
}

// insert is at, but adds missing literals and branches.
func (l *patternLevel) insert(segments []Segment) *patternLiteral {
	first := segments[0]
	lit, _ := l.literals.Get(first.Literal)
	if lit == nil {
		lit = &patternLiteral{text: first.Literal}
		l.literals.Put(lit.text, lit)
	}
	if first.Open == nil {
		return lit
	}
	next := lit.branch(first.Open)
	if next == nil {
		next = new(patternLevel)
		lit.open = append(lit.open, openBranch{first.Open, next})
	}
	return next.insert(segments[1:])
}

// remove removes a pattern with those segments, and the literals and branches that
// only it used.
func (l *patternLevel) remove(segments []Segment, h *heldPattern) {
	first := segments[0]
	lit, _ := l.literals.Get(first.Literal)
	if first.Open == nil {
		lit.ends = slices.DeleteFunc(lit.ends, func(other *heldPattern) bool { return other == h })
	} else {
		next := lit.branch(first.Open)
		next.remove(segments[1:], h)
		if next.literals.Len() == 0 {
			lit.open = slices.DeleteFunc(lit.open, func(b openBranch) bool { return b.next == next })
		}
	}
	if len(lit.ends) == 0 && len(lit.open) == 0 {
		l.literals.Delete(lit.text)
	}
}

// live returns the pattern that ends here, nil if there is none.
func (l *patternLiteral) live() *heldPattern {
	if n := len(l.ends); n > 0 && l.ends[n-1].live {
		return l.ends[n-1]
	}
	return nil
}

// branch returns the level after an open field, nil if there is none.
func (l *patternLiteral) branch(open Value) *patternLevel {
	for _, b := range l.open {
		if b.value == open {
			return b.next
		}
	}
	return nil
}
