package pipeline

import "testing"

// Memory is handed out again where it is enough, and not kept beyond the bounds.
func TestSpareMemory(t *testing.T) {
	var s spareMemory
	first := append(s.take(100), "task"...)
	s.give(first)
	if b := s.take(cap(first)); len(b) != 0 || cap(b) != cap(first) || &b[:1][0] != &first[0] {
		t.Errorf("%d of %d bytes, want the memory of before", len(b), cap(b))
	}
	s.give(first)
	if b := s.take(1000); cap(b) < 1000 || s.bytes != 0 || len(s.list) != 0 {
		t.Errorf("%d bytes for 1000; %d are left", cap(b), s.bytes)
	}
	s.give(make([]byte, 0, maxSpareTask+1))
	for range 2 * maxSpare / maxSpareTask {
		s.give(make([]byte, 0, maxSpareTask))
	}
	if s.bytes != maxSpare || len(s.list) != maxSpare/maxSpareTask {
		t.Errorf("%d bytes are kept in %d pieces", s.bytes, len(s.list))
	}
}
