package transport

import (
	"errors"
	"net"
	"syscall"
)

// IsTemporaryAccept reports whether err, from Listener.Accept, leaves the
// listener usable: the process or the system is short of descriptors or memory,
// or the connection ended before it was accepted. The accept loop should pause
// for a moment and go on.
func IsTemporaryAccept(err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	var errno syscall.Errno
	return errors.As(err, &errno) && isTemporaryErrno(errno)
}
