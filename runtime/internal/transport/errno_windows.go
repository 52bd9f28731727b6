package transport

import (
	"errors"
	"syscall"
)

// Windows reports these numbers and not the ones that package syscall defines
// under the portable names.
const (
	wsaEMFILE       = syscall.Errno(10024)
	wsaENETDOWN     = syscall.Errno(10050)
	wsaECONNABORTED = syscall.Errno(10053)
	wsaECONNRESET   = syscall.Errno(10054)
	wsaENOBUFS      = syscall.Errno(10055)
	wsaECONNREFUSED = syscall.Errno(10061)
)

// isTemporaryErrno reports whether WSAAccept lists errno as an error after which to
// try again.
func isTemporaryErrno(errno syscall.Errno) bool {
	switch errno {
	case wsaEMFILE, wsaENETDOWN, wsaECONNABORTED, wsaECONNRESET, wsaENOBUFS,
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ECONNABORTED, syscall.ECONNRESET:
		return true
	}
	return false
}

// isRefused reports that nobody listens on a socket that exists.
func isRefused(err error) bool {
	return errors.Is(err, wsaECONNREFUSED) || errors.Is(err, syscall.ECONNREFUSED)
}
