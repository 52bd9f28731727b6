//go:build !windows

package transport

import (
	"errors"
	"syscall"
)

// isTemporaryErrno reports whether accept(2) lists errno as an error after which to
// try again, including the network errors that Linux passes on from the new
// connection.
func isTemporaryErrno(errno syscall.Errno) bool {
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EINTR, syscall.EAGAIN, syscall.EPERM,
		syscall.EPROTO, syscall.ENOPROTOOPT, syscall.ENETDOWN, syscall.ENETUNREACH,
		syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ETIMEDOUT:
		return true
	}
	return false
}

// isRefused reports that nobody listens on a socket that exists.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
