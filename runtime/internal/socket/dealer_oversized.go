package socket

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// oversized returns the size error of a reply that is too large, of which frames are the
// first ones. It returns nil when these have no envelope, so that nobody can be told, and
// for any other err.
func oversized(frames [][]byte, err error) *zmtp.SizeError {
	if err == nil || !enveloped(frames) {
		return nil
	}
	var size *zmtp.SizeError // allocated here, only if it is needed
	errors.As(err, &size)
	return size
}

// enveloped reports whether a reply has an envelope like those of our requests.
func enveloped(frames [][]byte) bool {
	return len(frames) >= 2 && len(frames[0]) == callID && len(frames[1]) == 0
}
