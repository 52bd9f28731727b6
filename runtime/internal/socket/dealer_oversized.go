package socket

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// oversized returns the size error of a reply that is too large. frames are its
// first ones. It returns nil when they have no envelope, so that the caller is
// unknown, and for any other err.
func oversized(frames [][]byte, err error) *zmtp.SizeError {
	if _, _, ok := wire.SplitCallID(frames); err == nil || !ok {
		return nil
	}
	var size *zmtp.SizeError // allocated here, only if it is needed
	errors.As(err, &size)
	return size
}
