package stream

import "time"

// Largest is the largest window.
var Largest = Credit{Messages: 64 << 10, Bytes: 16 << 20}

// How a window detects that it is too small. Its sender was held up by the credit
// when it stops exactly at the end of its credit, and for a large part of the time
// in which it uses up a grant. A sender that waits for its own program stops
// anywhere.
const (
	// A stall of 1/plainStall of that time makes the window grow at once; two in a
	// row of 1/doubtfulStall do, too.
	plainStall    = 2
	doubtfulStall = 8
	// longestStall is how long a stall can be that a grant on its way explains.
	longestStall = 2 * time.Second
)

// A window decides how much credit a receiver grants ahead of what it has consumed.
// It has no lock.
type window struct {
	size Credit

	limits []Credit  // granted and not yet used up, oldest first
	edge   bool      // the last message has used one up
	last   time.Time // when the last message came
	since  time.Time // when the sender began to use the oldest of limits
	doubt  bool      // the last limit ended with a doubtful stall
	small  bool      // the window is too small
}

// maxLimits is how many limits are kept; more are not in use.
const maxLimits = 4

// granted notes a new limit.
func (w *window) granted(limit Credit) {
	if len(w.limits) == maxLimits {
		w.limits = append(w.limits[:0], w.limits[1:]...)
	}
	w.limits = append(w.limits, limit)
}

// arrived records a message: when it came, whether the program was waiting for it,
// and the total so far, including it.
func (w *window) arrived(at time.Time, awaited bool, got Credit) {
	if w.since.IsZero() {
		w.since = at
	}
	if w.edge {
		w.edge = false
		w.judge(at.Sub(w.last), at.Sub(w.since), awaited)
		w.since = at
	}
	w.last = at
	for len(w.limits) > 0 && !w.limits[0].allows(got) {
		w.limits = append(w.limits[:0], w.limits[1:]...)
		w.edge = true
	}
}

// judge looks at a stall at the end of a limit that took total to use up, the stall
// included.
func (w *window) judge(stall, total time.Duration, awaited bool) {
	switch {
	case !awaited || stall <= 0 || stall > longestStall || stall*doubtfulStall < total:
		w.doubt = false
	case stall*plainStall >= total || w.doubt:
		w.small, w.doubt = true, false
	default:
		w.doubt = true
	}
}

// roomFor is how many messages of the size that is in use a window has room for:
// with one or two at a time both sides would wait for each other at each.
const roomFor = 4

// consumed notes the size of a message that was consumed.
func (w *window) consumed(size int) {
	if uint64(size) > w.size.Bytes/roomFor {
		w.small = true
	}
}

// grow doubles a window that is too small, as far as the budget allows, and returns
// the bytes that it took from that.
func (w *window) grow(b *Budget) (taken int64) {
	if !w.small {
		return 0
	}
	w.small = false
	more := min(w.size.Bytes, Largest.Bytes-min(w.size.Bytes, Largest.Bytes))
	if !b.take(int64(more)) {
		return 0
	}
	w.size.Bytes += more
	w.size.Messages = max(w.size.Messages, min(2*w.size.Messages, Largest.Messages))
	return int64(more)
}
