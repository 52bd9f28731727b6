package measure

import (
	"testing"
	"time"
)

func TestHistogramQuantile(t *testing.T) {
	var odd, all Histogram
	for i := range 100_000 {
		d := time.Duration(i) * time.Microsecond
		if i%2 == 1 {
			odd.Add(d)
		} else {
			all.Add(d)
		}
	}
	all.Merge(&odd)
	for _, q := range []float64{0, 0.01, 0.5, 0.99, 0.999} {
		want := time.Duration(q * 100_000 * float64(time.Microsecond))
		got := all.Quantile(q)
		if off := (got - want).Abs(); off > want/50+time.Microsecond {
			t.Errorf("quantile %v: got %v, want %v within 2 %%", q, got, want)
		}
	}
}

func TestHistogramExtremes(t *testing.T) {
	var h Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing: got %v, want 0", got)
	}
	h.Add(-time.Second)
	h.Add(1<<63 - 1)
	if got := h.Quantile(0.9); got < 24*time.Hour {
		t.Errorf("quantile of the longest duration: got %v, want at least a day", got)
	}
}
