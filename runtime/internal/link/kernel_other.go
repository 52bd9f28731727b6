//go:build !linux

package link

import (
	"net"
	"time"
)

// unacknowledged returns 0: bytes that the kernel has accepted count as accepted by
// the peer.
func unacknowledged(net.Conn) int { return 0 }

// kernelAnswers reports true: the kernel itself ends a connection on which it
// gets no answer, though later.
func kernelAnswers(net.Conn, time.Duration) bool { return true }

// hungUp returns false: the system does not tell.
func hungUp(net.Conn) bool { return false }

// unread returns false: the system does not tell.
func unread(net.Conn) bool { return false }
