package gozmq

import "bytes"

// An arrival is a message as it came, before it is decoded: what may be asked
// of it while it is still bytes.
type arrival struct {
	topic  []byte // nil where there is none
	body   []byte
	header []byte // nil: there is none; an empty one is not nil
}

func (a *arrival) size() int { return len(a.topic) + len(a.body) + len(a.header) }

// clone returns a copy that stays good.
func (a *arrival) clone() arrival {
	return arrival{bytes.Clone(a.topic), bytes.Clone(a.body), bytes.Clone(a.header)}
}

// A slab is a run of arrivals in one piece of memory, first in first out.
type slab struct {
	data  []byte
	marks []mark
	next  int // the first arrival that was not yet used
	start int // where it begins in data
}

// A mark has the sizes of one arrival's frames; a header of -1 is none.
type mark struct{ topic, body, header int32 }

// maxKeptSlab is the largest slab that is used again.
const maxKeptSlab = 2 << 20

// len returns how many arrivals are left.
func (s *slab) len() int { return len(s.marks) - s.next }

// bytes returns how many bytes they have.
func (s *slab) bytes() int { return len(s.data) - s.start }

// push copies a in.
func (s *slab) push(a *arrival) {
	s.data = append(s.data, a.topic...)
	s.data = append(s.data, a.body...)
	m := mark{int32(len(a.topic)), int32(len(a.body)), -1}
	if a.header != nil {
		s.data = append(s.data, a.header...)
		m.header = int32(len(a.header))
	}
	s.marks = append(s.marks, m)
}

// pop makes a the next arrival, valid until the slab is given away; it returns
// false when there is none left.
func (s *slab) pop(a *arrival) bool {
	if s.next == len(s.marks) {
		return false
	}
	m := s.marks[s.next]
	body := s.start + int(m.topic)
	end := body + int(m.body)
	a.topic, a.body, a.header = s.data[s.start:body:body], s.data[body:end:end], nil
	if m.header >= 0 {
		a.header = s.data[end : end+int(m.header) : end+int(m.header)]
		end += int(m.header)
	}
	s.next, s.start = s.next+1, end
	return true
}

// compact gives the room of what was used to what is pushed next, once there is
// more of it than of what is left.
func (s *slab) compact() {
	if s.start < len(s.data)/2 || s.next < len(s.marks)/2 {
		return
	}
	s.data = s.data[:copy(s.data, s.data[s.start:])]
	s.marks = s.marks[:copy(s.marks, s.marks[s.next:])]
	s.next, s.start = 0, 0
}

// reset empties the slab; memory that grew large is not kept.
func (s *slab) reset() {
	s.next, s.start, s.marks, s.data = 0, 0, s.marks[:0], s.data[:0]
	if cap(s.data) > maxKeptSlab {
		s.data = nil
	}
}
