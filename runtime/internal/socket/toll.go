package socket

import "time"

// What one peer may send that is too large before it is read with rests: so many
// requests at once, and one more every so often. It has its answer and no memory,
// but what is passed over is read, and who sends nothing else would take the
// others' share of the machine.
const (
	tollAtOnce = 20
	tollEvery  = 100 * time.Millisecond
	// tollBytes is how large a request is that counts as two; one of three times
	// that size counts as four, and so on.
	tollBytes = 16 << 20
	// maxRest is the longest rest: there may be other calls on the connection.
	maxRest = time.Second
)

// A toll is what a peer has still to wait for. The zero value owes nothing. Not
// for concurrent use.
type toll struct{ until time.Time }

// pay returns how long not to read the peer, after a request of that size in
// bytes.
func (t *toll) pay(now time.Time, size uint64) (rest time.Duration) {
	if t.until.Before(now) {
		t.until = now
	}
	t.until = t.until.Add(tollEvery * time.Duration(1+size/tollBytes))
	if most := now.Add(tollAtOnce*tollEvery + maxRest); t.until.After(most) {
		t.until = most
	}
	return max(t.until.Sub(now)-tollAtOnce*tollEvery, 0)
}
