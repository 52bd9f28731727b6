package measure

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallsEndsWithAnError(t *testing.T) {
	broken := errors.New("broken")
	_, err := Calls(4, time.Millisecond, func(caller int) error {
		if caller == 2 {
			return broken
		}
		return nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestPacedKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 2000
		s, err := Paced(8, rate, 300*time.Millisecond, func(int) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(s.Rate-rate) > rate/50 {
			t.Errorf("made %.0f calls per second, want %d", s.Rate, rate)
		}
	})
}

func TestPacedCountsNoLateTimer(t *testing.T) {
	const rate = 20_000 // a timer is late by several calls
	for tries := 1; ; tries++ {
		s, err := Paced(1, rate, 100*time.Millisecond, func(int) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if s.P50 <= time.Second/rate {
			return
		}
		if tries == 10 { // a machine that stands still is not the reason each time
			t.Fatalf("calls that take no time took %v", s.P50)
		}
	}
}

func TestPacedCountsWhatACallHoldsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const long = 5 * time.Millisecond
		s, err := Paced(1, 1000, 10*long, func(int) error { time.Sleep(long); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if s.P50 < 3*long {
			t.Errorf("half of the calls took at most %v, though each waits for those before it", s.P50)
		}
	})
}
