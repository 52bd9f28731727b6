package pipeline

// A spareMemory is memory of tasks that are over, for others. Its zero value is empty.
type spareMemory struct {
	list  [][]byte
	bytes int
}

const (
	// maxSpare is how many bytes a spareMemory keeps, and maxSpareTask those of one
	// task.
	maxSpare     = 1 << 20
	maxSpareTask = 16 << 10
	// spareStep is what the memory of a task is rounded up to, so that it is enough
	// for the next one.
	spareStep = 64
)

// take returns memory for n bytes, of length 0.
func (s *spareMemory) take(n int) []byte {
	if last := len(s.list) - 1; last >= 0 {
		b := s.list[last]
		s.list[last] = nil
		s.list, s.bytes = s.list[:last], s.bytes-cap(b)
		if cap(b) >= n {
			return b
		}
	}
	return make([]byte, 0, (n+spareStep-1)/spareStep*spareStep)
}

// give takes memory of which nobody has a part any more.
func (s *spareMemory) give(b []byte) {
	if cap(b) <= maxSpareTask && s.bytes+cap(b) <= maxSpare {
		s.list, s.bytes = append(s.list, b[:0]), s.bytes+cap(b)
	}
}
