//go:build !linux

package link

import (
	"net"
	"time"
)

// unacknowledged knows nothing about the kernel: what it has taken counts as
// taken by the peer.
func unacknowledged(net.Conn) int { return 0 }

// kernelAnswers reports true: the kernel itself ends a connection on which it
// gets no answer, though later.
func kernelAnswers(net.Conn, time.Duration) bool { return true }

// hungUp knows nothing about the kernel.
func hungUp(net.Conn) bool { return false }

// unread knows nothing about the kernel.
func unread(net.Conn) bool { return false }
