package measure

import (
	"testing"
	"time"
)

func TestBatchCountsWhatWasDone(t *testing.T) {
	var wantLost float64
	s, err := Batch(time.Millisecond, 4*time.Millisecond, func(n uint64) (uint64, error) {
		time.Sleep(time.Duration(n) * 10 * time.Microsecond)
		wantLost = 1 - float64(n/2)/float64(n) // n may be odd
		return n / 2, nil
	})
	if err != nil || s.Lost != wantLost || s.Rate <= 0 || s.Rate > 50_000 {
		t.Errorf("got a rate of %v, %v lost, %v; want at most 50,000/s, %v lost", s.Rate, s.Lost, err, wantLost)
	}
}
