package throttle

import "time"

// A Limit is a rate: a free burst, and the pace of the events beyond it.
type Limit struct {
	Burst int           // events that cost nothing when they come at once
	Every time.Duration // the time that restores one event of the burst; more than 0
	Max   time.Duration // the longest wait; a longer debt is forgiven
}

// A Bucket counts the events of one source under one Limit. It is a token bucket
// without its own clock (GCRA, the generic cell rate algorithm): it stores the time
// when the burst will be whole again. The zero value has the whole burst. It is not
// for concurrent use.
type Bucket struct{ whole time.Time }

// Take counts n events at now, and returns how long the source must wait after
// them: 0 within the burst.
func (b *Bucket) Take(l Limit, now time.Time, n int) time.Duration {
	if b.whole.Before(now) {
		b.whole = now
	}
	most := l.burst() + l.Max
	if n > int(most/l.Every) { // which n*l.Every may be too large to tell
		b.whole = now.Add(most)
	} else if b.whole = b.whole.Add(time.Duration(n) * l.Every); b.whole.After(now.Add(most)) {
		b.whole = now.Add(most)
	}
	return b.Wait(l, now)
}

// Wait returns how long the source must still wait at now, without counting an
// event.
func (b Bucket) Wait(l Limit, now time.Time) time.Duration {
	if b.Whole(now) { // the zero value is too long ago to subtract from
		return 0
	}
	return max(b.whole.Sub(now)-l.burst(), 0)
}

// Whole reports whether the burst is whole again at now, so that b may be
// forgotten.
func (b Bucket) Whole(now time.Time) bool { return !b.whole.After(now) }

func (l Limit) burst() time.Duration { return time.Duration(l.Burst) * l.Every }
