package transport

import (
	"context"
	"fmt"
	"net"
	"syscall"
)

// abstractNames says whether "ipc://@name" can be bound and connected.
const abstractNames = true

// listenPrivate binds a socket file that only this user may connect to. Linux
// makes the file with the mode of the unbound socket, so there is no moment in
// which others could connect.
func listenPrivate(path string) (*net.UnixListener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if ctlErr := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), 0o600) }); ctlErr != nil {
			return ctlErr
		}
		return err
	}}
	ln, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	u, ok := ln.(*net.UnixListener)
	if !ok {
		ln.Close()
		return nil, fmt.Errorf("unexpected listener %T", ln)
	}
	return u, nil
}
