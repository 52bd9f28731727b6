package socket

import (
	"errors"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// tooLarge answers an oversized request, and pauses reading after too many of
// them. It returns false when err is another error, or the receiver cannot
// answer.
func (p *RouterPeer) tooLarge(frames [][]byte, err error) bool {
	var size *zmtp.SizeError
	if len(frames) == 0 || !errors.As(err, &size) || !p.router.receiver.TooLarge(p, frames, size) {
		return false
	}
	if d := p.oversized.Take(oversizedLimit, time.Now(), oversizedEvents(size.Size)); d > 0 {
		p.uncork()
		p.PauseReading(d)
	}
	return true
}
