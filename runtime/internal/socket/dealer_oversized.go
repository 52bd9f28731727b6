package socket

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// oversized returns the size error of a reply that is too large, of which
// frames are the first ones. It returns nil when these have no envelope, so
// that nobody can be told, and for any other err.
func oversized(frames [][]byte, err error) *zmtp.SizeError {
	if _, _, ok := wire.SplitCallID(frames); err == nil || !ok {
		return nil
	}
	var size *zmtp.SizeError // allocated here, only if it is needed
	errors.As(err, &size)
	return size
}
