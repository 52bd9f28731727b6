package measure

import (
	"errors"
	"math"
	"testing"
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
	const rate = 2000
	s, err := Paced(8, rate, 300*time.Millisecond, func(int) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(s.Rate-rate) > rate/4 {
		t.Errorf("made %.0f calls per second, want %d", s.Rate, rate)
	}
}
