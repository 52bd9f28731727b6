package socket

import (
	"errors"
	"math"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/throttle"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// oversizedLimit limits how many oversized requests one peer may send before it is
// read with pauses. They cost no memory, but skipping them costs reads: without a
// limit one peer could starve the others. The pause is short, because other calls
// may share the connection.
var oversizedLimit = throttle.Limit{Burst: 20, Every: 100 * time.Millisecond, Max: time.Second}

// oversizedUnit is the size of a request that counts as two events. One of three
// times this size counts as four, and so on.
const oversizedUnit = 16 << 20

// oversizedEvents returns how many events a request of that size counts as.
func oversizedEvents(size uint64) int { return int(min(1+size/oversizedUnit, math.MaxInt32)) }

// tooLarge answers an oversized request, and pauses reading after too many of them. It
// returns false when err is another error, or the receiver cannot answer.
func (p *RouterPeer) tooLarge(frames [][]byte, err error) bool {
	var size *zmtp.SizeError
	if len(frames) == 0 || !errors.As(err, &size) || !p.router.receiver.TooLarge(p, frames, size) {
		return false
	}
	if d := p.oversized.Take(oversizedLimit, time.Now(), oversizedEvents(size.Size)); d > 0 {
		p.uncork()
		p.pauseFor(d)
	}
	return true
}

// pauseFor does not read for d.
func (p *RouterPeer) pauseFor(d time.Duration) {
	p.Pause()
	defer p.Unpause()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.Closed():
	}
}
