package socket

import (
	"errors"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A message that is too large ends neither the connection of a Router nor that of
// a Dealer where its first frames, which are all that Conn.Next returns of it, say
// whose it is.

// tooLarge has a request answered that is too large, and takes a rest where there
// have been many; it returns false for any other reason why there is none.
func (p *RouterPeer) tooLarge(frames [][]byte, err error) bool {
	var size *zmtp.SizeError
	if len(frames) == 0 || !errors.As(err, &size) || !p.router.receiver.TooLarge(p, frames, size) {
		return false
	}
	if d := p.toll.pay(time.Now(), size.Size); d > 0 {
		p.uncork()
		p.rest(d)
	}
	return true
}

// rest does not read for d.
func (p *RouterPeer) rest(d time.Duration) {
	p.Pause()
	defer p.Unpause()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.Closed():
	}
}

// oversized returns what is wrong with a reply that is too large, of which frames
// are the first ones. It is nil when those do not say whose reply it is, and for
// any other err.
func oversized(frames [][]byte, err error) *zmtp.SizeError {
	if _, _, ok := wire.SplitCallID(frames); err == nil || !ok {
		return nil
	}
	var size *zmtp.SizeError // is allocated here, and so only if it is needed
	errors.As(err, &size)
	return size
}
