package measure

import (
	"runtime"
	"time"
)

// A Sample is what one round gave.
type Sample struct {
	Rate     float64 // operations per second
	P50, P99 time.Duration
	Allocs   float64       // per operation, in the whole process
	Lost     float64       // share of what was sent to receivers
	Bytes    float64       // allocated per operation, in the whole process
	CPU      time.Duration // of processors per operation, in the whole process; 0: not known
	Ops      uint64
}

// Beside returns s with the processor time of another process added, and without
// allocations, which are known of one process only.
func (s Sample) Beside(cpu time.Duration) Sample {
	s.CPU += cpu / time.Duration(max(s.Ops, 1))
	s.Allocs, s.Bytes = 0, 0
	return s
}

// A meter reads the allocations of the process.
type meter struct {
	mallocs, bytes uint64
	cpu            time.Duration
}

// start collects garbage first, so that a round does not pay for the one
// before.
func (m *meter) start() {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	m.mallocs, m.bytes = s.Mallocs, s.TotalAlloc
	m.cpu = CPUTime()
}

// sample makes a Sample of ops operations that took elapsed.
func (m *meter) sample(ops uint64, elapsed time.Duration) Sample {
	cpu := CPUTime() - m.cpu
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	n := float64(max(ops, 1))
	return Sample{
		Rate:   float64(ops) / elapsed.Seconds(),
		Allocs: float64(s.Mallocs-m.mallocs) / n,
		Bytes:  float64(s.TotalAlloc-m.bytes) / n,
		CPU:    time.Duration(float64(cpu) / n),
		Ops:    ops,
	}
}
