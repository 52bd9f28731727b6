package load

import (
	"syscall"
	"time"
)

// sleep waits for a short time. The runtime's timers are up to a millisecond late
// on a machine that has nothing else to do; the kernel's are not.
func sleep(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil)
}
