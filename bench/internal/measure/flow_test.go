package measure

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tick := func(next func() bool) error {
			for next() {
				time.Sleep(100 * time.Microsecond)
			}
			return nil
		}
		s, err := Flow(4, 10*time.Millisecond, 50*time.Millisecond, tick)
		if err != nil || s.Rate < 4*9000 || s.Rate > 4*11_000 { // a stream notes eight at a time
			t.Errorf("four streams: got %v, %v", s.Rate, err)
		}
		if _, err := Flow(1, time.Hour, time.Hour, func(func() bool) error { return nil }); err == nil {
			t.Error("a stream that ends by itself: no error")
		}
		broken := errors.New("broken")
		if _, err := Flow(1, time.Hour, time.Hour, func(func() bool) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("a stream that fails: got %v", err)
		}
	})
}
