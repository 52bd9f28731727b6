//go:build unix

package transport

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// inherit returns the listener of a descriptor, which it leaves open. Child
// processes no longer inherit it.
func inherit(fd int) (net.Listener, error) {
	syscall.ForkLock.RLock()
	syscall.CloseOnExec(fd)
	own, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(own)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("descriptor %d: %w: the process has not inherited it", fd, err)
	}
	f := os.NewFile(uintptr(own), "inherited")
	defer f.Close()
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d is no socket that listens: %w", fd, err)
	}
	return ln, nil
}
