package measure

import (
	"testing"
	"time"
)

func TestBatchCountsWhatWasDone(t *testing.T) {
	s, err := Batch(time.Millisecond, 4*time.Millisecond, func(n uint64) (uint64, error) {
		time.Sleep(time.Duration(n) * 10 * time.Microsecond)
		return n / 2, nil
	})
	if err != nil || s.Lost != 0.5 || s.Rate <= 0 || s.Rate > 50_000 {
		t.Errorf("got a rate of %v, %v lost, %v; want at most 50,000/s, 0.5 lost", s.Rate, s.Lost, err)
	}
}
