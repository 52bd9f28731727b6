package socket

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A message that is too large ends neither the connection of a Router nor that of
// a Dealer where its first frames, which are all that Conn.Next returns of it, say
// whose it is.

// tooLarge has a request answered that is too large; it returns false for any
// other reason why there is none.
func (p *RouterPeer) tooLarge(frames [][]byte, err error) bool {
	var size *zmtp.SizeError
	return len(frames) > 0 && errors.As(err, &size) && p.router.receiver.TooLarge(p, frames, size)
}

// oversized returns what is wrong with a reply that is too large, of which frames
// are the first ones. It is nil when those do not say whose reply it is, and for
// any other err.
func oversized(frames [][]byte, err error) *zmtp.SizeError {
	if err == nil || !enveloped(frames) {
		return nil
	}
	var size *zmtp.SizeError // is allocated here, and so only if it is needed
	errors.As(err, &size)
	return size
}

// enveloped reports whether a reply has an envelope as that of our requests.
func enveloped(frames [][]byte) bool {
	return len(frames) >= 2 && len(frames[0]) == callID && len(frames[1]) == 0
}
