package taskqueue

import (
	"fmt"
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	const most = 5
	w := NewWindow(most, time.Minute)
	added := make(map[int]time.Time)
	for i := range 100 {
		now := start.Add(time.Duration(i) * 7 * time.Second)
		if i%30 == 29 {
			now = now.Add(time.Hour)
			start := added // all of them are too old by now
			for n := range start {
				if w.Has(ID(fmt.Sprint(n)), now) {
					t.Fatalf("%d is remembered after an hour", n)
				}
			}
			w, added = NewWindow(most, time.Minute), make(map[int]time.Time)
			continue
		}
		w.Add(ID(fmt.Sprint(i)), now)
		added[i] = now
		for n, when := range added {
			want := n > i-most && now.Sub(when) < time.Minute
			if got := w.Has(ID(fmt.Sprint(n)), now); got != want {
				t.Fatalf("after %d: %d is remembered: %v, want %v", i, n, got, want)
			}
		}
	}
	if len(w.seen) > most || len(w.ring) > most {
		t.Errorf("%d are kept in %d places", len(w.seen), len(w.ring))
	}
}

func TestWindowOfNothing(t *testing.T) {
	w := NewWindow(0, 0)
	w.Add("1", start)
	if w.Has("1", start) {
		t.Error("it remembers")
	}
	w = NewWindow(2, 0)
	w.Add("1", start)
	if !w.Has("1", start.Add(1000*time.Hour)) {
		t.Error("it forgets with time")
	}
}
