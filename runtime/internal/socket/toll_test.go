package socket

import (
	"testing"
	"time"
)

func TestToll(t *testing.T) {
	start := time.Unix(1000, 0)
	tests := []struct {
		name string
		n    int           // requests before the one in question
		size uint64        // of each
		gap  time.Duration // between two
		want time.Duration
	}{
		{"the first", 0, 5 << 20, 0, 0},
		{"the last of many at once", tollAtOnce - 1, 5 << 20, 0, 0},
		{"one more", tollAtOnce, 5 << 20, 0, tollEvery},
		{"many more", 10 * tollAtOnce, 5 << 20, 0, maxRest},
		{"seldom", 10 * tollAtOnce, 5 << 20, tollEvery, 0},
		{"large ones", 9, 16 << 20, 0, 0},
		{"one large one more", 10, 16 << 20, 0, 2 * tollEvery},
		{"the largest", 0, 1 << 30, 0, maxRest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var toll toll
			now := start
			for range tt.n {
				toll.pay(now, tt.size)
				now = now.Add(tt.gap)
			}
			if got := toll.pay(now, tt.size); got != tt.want {
				t.Errorf("rest of %v, want %v", got, tt.want)
			}
			if got := toll.pay(now.Add(time.Minute), 1); got != 0 {
				t.Errorf("rest of %v a minute later", got)
			}
		})
	}
}
