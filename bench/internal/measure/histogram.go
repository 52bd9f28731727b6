// Package measure makes figures of what is run: rates, latencies, allocations,
// and their spread over several rounds.
package measure

import (
	"math/bits"
	"time"
)

const (
	subBits    = 6 // 64 steps per power of two: within 1.6 %
	subBuckets = 1 << subBits
)

// A Histogram counts durations. It is not for use by several goroutines.
type Histogram struct {
	counts [subBuckets * 48]uint32
	total  uint64
}

// Add counts d.
func (h *Histogram) Add(d time.Duration) {
	h.counts[min(bucket(d), len(h.counts)-1)]++
	h.total++
}

func bucket(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return (shift+1)<<subBits + int(v>>shift) - subBuckets
}

// value is the middle of a bucket.
func value(i int) time.Duration {
	if i < subBuckets {
		return time.Duration(i)
	}
	shift := i>>subBits - 1
	low := uint64(i&(subBuckets-1)+subBuckets) << shift
	return time.Duration(low + uint64(1)<<shift/2)
}

// Merge adds what other counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// Quantile returns the duration that the share q of all is not longer than; 0
// of nothing.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.total))
	var seen uint64
	for i, n := range h.counts {
		if seen += uint64(n); n > 0 && seen > rank {
			return value(i)
		}
	}
	return 0
}
