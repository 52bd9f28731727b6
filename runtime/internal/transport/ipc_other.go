//go:build !linux

package transport

import (
	"errors"
	"net"
	"os"
	"runtime"
)

// abstractNames says whether "ipc://@name" can be bound and connected.
const abstractNames = false

// listenPrivate binds a socket file and then removes the rights of other users.
// Between the two the process's umask applies; put the file into a folder of mode
// 0700 if that moment matters. Windows has no file modes: there the folder's access
// list applies.
func listenPrivate(path string) (*net.UnixListener, error) {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if runtime.GOOS == "windows" {
		return ln, nil
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}
