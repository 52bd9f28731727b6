//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package transport

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// lockTimeout bounds the wait for other binders in the same folder. It is
	// longer than one of them may need.
	lockTimeout = 3 * probeTimeout
	lockPause   = 2 * time.Millisecond
)

// lockFolder makes other binders of a path in the same folder wait until unlock is
// called: without it, one of two that find a stale socket file would remove the
// other's new one. It locks the folder itself, so it leaves no file behind. If the
// folder cannot be locked it does nothing.
func lockFolder(path string) (unlock func(), err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return func() {}, nil // the bind will say why
	}
	for end := time.Now().Add(lockTimeout); ; time.Sleep(lockPause) {
		err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { dir.Close() }, nil // which unlocks
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return func() { dir.Close() }, nil // this file system has no locks
		case time.Now().After(end):
			dir.Close()
			return nil, fmt.Errorf("%w: another program has locked the folder %q for more than %v", syscall.EADDRINUSE, filepath.Dir(path), lockTimeout)
		}
	}
}
