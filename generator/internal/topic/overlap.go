package topic

import "strings"

// Overlap reports whether two templates can make the same topic, and if so the
// shortest such topic. A placeholder stands for the bytes that a subscriber accepts
// as a value: any bytes except the delimiter and punctuation that is escaped in
// values. So "a/{x}" matches "a/b" but not "a/b/c".
func Overlap(a, b []Segment) (string, bool) {
	s := search{a: tokens(a), b: tokens(b), from: map[state]step{}}
	return s.run()
}

// Prefix reports whether a topic of a can be a prefix of one of b, and if so the
// shortest such topic of a. A topic is a prefix of itself.
func Prefix(a, b []Segment) (string, bool) {
	s := search{a: tokens(a), b: tokens(b), from: map[state]step{}, prefix: true}
	return s.run()
}

// A token is one literal byte, or a run of value bytes that ends before delim.
type token struct {
	run bool
	b   byte // the literal byte, or the delimiter of a run; 0: none
}

func tokens(segments []Segment) []token {
	var out []token
	for i, s := range segments {
		for j := range len(s.Literal) {
			out = append(out, token{b: s.Literal[j]})
		}
		if s.Path == "" {
			continue
		}
		t := token{run: true}
		if i+1 < len(segments) && segments[i+1].Literal != "" {
			t.b = segments[i+1].Literal[0]
		}
		out = append(out, t)
	}
	return out
}

// allows reports whether c may be part of the run t.
func (t token) allows(c byte) bool { return (t.b == 0 || t.b != c) && !escapedPunctuation(c) }

// escapedPunctuation reports whether c is visible ASCII that is never part of a
// value: the runtime escapes it there.
func escapedPunctuation(c byte) bool {
	const plain = "-_.~%"
	alphanumeric := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
	return c > ' ' && c < 0x7f && !alphanumeric && strings.IndexByte(plain, c) < 0
}

// A search walks both templates at once, breadth first.
type search struct {
	a, b  []token
	queue []state
	from  map[state]step
	// prefix ends the search when a has been read, wherever b is.
	prefix bool
}

// A state is how far each template has been read.
type state struct{ i, j int }

// A step is how a state was reached: from where, and by which byte, if any.
type step struct {
	prev  state
	b     byte
	wrote bool
}

func (s *search) run() (string, bool) {
	s.visit(state{}, step{})
	for len(s.queue) > 0 {
		at := s.queue[0]
		s.queue = s.queue[1:]
		if at.i == len(s.a) && (s.prefix || at.j == len(s.b)) {
			return s.trace(at), true
		}
		s.expand(at)
	}
	return "", false
}

func (s *search) visit(to state, how step) {
	if _, seen := s.from[to]; !seen {
		s.from[to] = how
		s.queue = append(s.queue, to)
	}
}

// expand visits the states after at: a run ends, or both sides read one byte.
// Two runs that read the same byte stay where they are.
func (s *search) expand(at state) {
	inA, inB := at.i < len(s.a), at.j < len(s.b)
	if inA && s.a[at.i].run {
		s.visit(state{at.i + 1, at.j}, step{prev: at})
	}
	if inB && s.b[at.j].run {
		s.visit(state{at.i, at.j + 1}, step{prev: at})
	}
	if !inA || !inB {
		return
	}
	a, b := s.a[at.i], s.b[at.j]
	switch {
	case !a.run && !b.run && a.b == b.b:
		s.visit(state{at.i + 1, at.j + 1}, step{at, a.b, true})
	case !a.run && b.run && b.allows(a.b):
		s.visit(state{at.i + 1, at.j}, step{at, a.b, true})
	case a.run && !b.run && a.allows(b.b):
		s.visit(state{at.i, at.j + 1}, step{at, b.b, true})
	}
}

// trace returns the topic that leads to the state at.
func (s *search) trace(at state) string {
	var reversed []byte
	for at != (state{}) {
		how := s.from[at]
		if how.wrote {
			reversed = append(reversed, how.b)
		}
		at = how.prev
	}
	out := make([]byte, len(reversed))
	for i, c := range reversed {
		out[len(out)-1-i] = c
	}
	return string(out)
}
