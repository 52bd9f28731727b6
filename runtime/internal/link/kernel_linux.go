package link

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// unacknowledged returns how many bytes our kernel has accepted but the peer's has
// not acknowledged.
func unacknowledged(raw net.Conn) (bytes int) {
	control(raw, func(fd int) {
		if n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ); err == nil {
			bytes = n
		}
	})
	return bytes
}

// kernelAnswers reports whether the peer's kernel has answered ours within
// limit, or need not answer yet. A peer on the same machine always has.
func kernelAnswers(raw net.Conn, limit time.Duration) bool {
	answers := true
	control(raw, func(fd int) {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return // not tcp
		}
		missing := info.Retransmits > 0 || info.Probes > 1
		answers = !missing || time.Duration(info.Last_ack_recv)*time.Millisecond < limit
	})
	return answers
}

// unread reports whether the peer has sent bytes that this side has not read yet.
func unread(raw net.Conn) (some bool) {
	control(raw, func(fd int) {
		n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
		some = err == nil && n > 0
	})
	return some
}

// hungUp reports whether the peer has closed the connection or its direction.
func hungUp(raw net.Conn) (gone bool) {
	control(raw, func(fd int) {
		list := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(list, 0)
		gone = err == nil && n > 0
	})
	return gone
}

func control(raw net.Conn, f func(fd int)) {
	if c := rawConn(raw); c != nil {
		_ = c.Control(func(fd uintptr) { f(int(fd)) })
	}
}
