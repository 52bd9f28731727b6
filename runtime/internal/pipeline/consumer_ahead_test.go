package pipeline

import (
	"testing"
	"time"
)

// How many tasks are read ahead: as many as are done in two round trips, or in a
// millisecond if they are quick, within bounds, and none beside the default while
// that does not matter.
func TestAhead(t *testing.T) {
	for _, c := range []struct {
		name       string
		lanes      int
		trip, took time.Duration
		size, want int
	}{
		{"not known", 4, 0, time.Millisecond, 100, 0},
		{"not known, and they take less", 4, 0, quickTask, 100, 0},
		{"not known, and they are quick", 4, 0, quickTask * 4 / 5, 100, 100},
		{"near", 4, 50 * time.Microsecond, 10 * time.Microsecond, 100, 400},
		{"near, one at a time", 1, 50 * time.Microsecond, 10 * time.Microsecond, 100, 100},
		{"near, and they take no time", 1, 50 * time.Microsecond, time.Microsecond, 100, 1000},
		{"near, and they are large", 1, 50 * time.Microsecond, time.Microsecond, 10 << 10, 102},
		{"near, and they take longer", 4, 50 * time.Microsecond, 10 * time.Millisecond, 100, 0},
		{"short tasks", 4, 100 * time.Millisecond, 10 * time.Millisecond, 100, 80},
		{"one at a time", 1, 100 * time.Millisecond, 10 * time.Millisecond, 100, 20},
		{"long tasks", 4, 100 * time.Millisecond, time.Second, 100, 0},
		{"as long as the way", 4, 100 * time.Millisecond, 100 * time.Millisecond, 100, 8},
		{"tasks that take no time", 4, 100 * time.Millisecond, time.Microsecond, 100, maxAhead},
		{"large tasks", 4, 100 * time.Millisecond, time.Microsecond, 1 << 20, maxAheadBytes >> 20},
		{"huge tasks", 4, 100 * time.Millisecond, time.Microsecond, 1 << 30, 0},
		{"far away", 65536, time.Hour, time.Microsecond, 0, maxAhead},
	} {
		p := pace{took: c.took, size: c.size}
		if got := p.ahead(c.lanes, c.trip); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
