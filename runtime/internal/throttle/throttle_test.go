package throttle

import (
	"math"
	"testing"
	"time"
)

var start = time.Unix(1000, 0)

func TestBucket(t *testing.T) {
	limit := Limit{Burst: 20, Every: 100 * time.Millisecond, Max: time.Second}
	for _, tt := range []struct {
		name  string
		times int           // before the event in question
		n     int           // events each time
		gap   time.Duration // between two times
		want  time.Duration
	}{
		{"the first", 0, 1, 0, 0},
		{"the last of the burst", 19, 1, 0, 0},
		{"one more", 20, 1, 0, 100 * time.Millisecond},
		{"two more", 21, 1, 0, 200 * time.Millisecond},
		{"many more", 200, 1, 0, time.Second},
		{"no faster than the rate", 200, 1, 100 * time.Millisecond, 0},
		{"twice the rate, just begun", 38, 1, 50 * time.Millisecond, 0},
		{"twice the rate for long", 1000, 1, 50 * time.Millisecond, time.Second},
		{"two at once, within the burst", 9, 2, 0, 0},
		{"two at once, behind it", 10, 2, 0, 200 * time.Millisecond},
		{"more than the burst at once", 0, 65, 0, time.Second},
		{"more than can be multiplied", 0, math.MaxInt, 0, time.Second},
		{"none", 30, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b Bucket
			now := start
			for range tt.times {
				b.Take(limit, now, tt.n)
				now = now.Add(tt.gap)
			}
			if got := b.Take(limit, now, tt.n); got != tt.want {
				t.Errorf("a wait of %v, want %v", got, tt.want)
			}
			if got := b.Wait(limit, now); got != tt.want {
				t.Errorf("still a wait of %v, want %v", got, tt.want)
			}
			later := now.Add(limit.Max + time.Duration(limit.Burst)*limit.Every)
			if !b.Whole(later) || b.Wait(limit, later) != 0 {
				t.Error("the burst is not whole again in the end")
			}
		})
	}
}

func TestSources(t *testing.T) {
	s := NewSources[string](Limit{Burst: 2, Every: time.Second, Max: time.Minute}, 2)
	for n := range 5 {
		if got, want := s.Take("bad", start), time.Duration(max(n-1, 0))*time.Second; got != want {
			t.Errorf("event %d: a wait of %v, want %v", n+1, got, want)
		}
	}
	if got := s.Wait("good", start); got != 0 {
		t.Errorf("another source waits %v", got)
	}
	s.Take("good", start)
	s.Take("third", start.Add(3*time.Second)) // good is whole again, and forgotten
	if got := s.Wait("bad", start.Add(2*time.Second)); got != time.Second {
		t.Errorf("a wait of %v two seconds later, want 1s", got)
	}
	if n := s.Len(); n != 2 {
		t.Errorf("%d sources are remembered, want 2", n)
	}
	for k := range 100 {
		s.Take(string(rune('a'+k)), start)
		if n := s.Len(); n > 2 {
			t.Fatalf("%d sources are remembered, at most 2 may be", n)
		}
	}
}
