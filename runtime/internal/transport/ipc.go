package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// maxPath is how many bytes of a path fit into the system's socket address,
// without its final zero byte.
const maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// probeTimeout bounds the attempt to find out whether anybody listens on a
// socket file.
const probeTimeout = time.Second

// listenIPC binds an ipc endpoint.
func listenIPC(e Endpoint) (*Listener, error) {
	switch {
	case e.addr == wildcard:
		return listenTemporary(e)
	case e.addr[0] == '@' && abstractNames:
		return listenAbstract(e)
	default:
		return listenPath(e)
	}
}

// listenTemporary binds a new path in a new folder that only this user can
// enter, and removes both on close.
func listenTemporary(e Endpoint) (*Listener, error) {
	dir, err := os.MkdirTemp("", "gozmq-")
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", e, err)
	}
	path := filepath.Join(dir, "ipc")
	if len(path) > maxPath {
		return nil, errors.Join(fmt.Errorf("bind %s: the path %q has %d bytes, more than the %d that a socket's path may have: set a shorter temporary folder", e, path, len(path), maxPath), os.Remove(dir))
	}
	l, err := listenPath(Endpoint{scheme: schemeIPC, addr: path})
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	unlink := l.release
	l.release = func() error { return errors.Join(unlink(), os.Remove(dir)) }
	return l, nil
}

func listenAbstract(e Endpoint) (*Listener, error) {
	ln, err := net.Listen("unix", e.addr)
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", e, err)
	}
	return &Listener{ln: ln, endpoint: e}, nil
}

// listenPath binds a socket file.
func listenPath(e Endpoint) (*Listener, error) {
	unlock, err := lockFolder(e.addr)
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", e, err)
	}
	defer unlock()
	if err := clearPath(e.addr); err != nil {
		return nil, fmt.Errorf("bind %s: %w", e, err)
	}
	ln, err := listenPrivate(e.addr)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: create the folder %q first", err, filepath.Dir(e.addr))
	}
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", e, err)
	}
	ln.SetUnlinkOnClose(false) // it would remove any file that is at the path by then
	own, err := os.Lstat(e.addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bind %s: the socket file is gone: %w", e, err), ln.Close())
	}
	release := func() error { return unlinkOwn(e.addr, own) }
	return &Listener{ln: ln, endpoint: e, release: release}, nil
}

// unlinkOwn removes the socket file unless somebody else has put another in its
// place. The listener must still be open, so that the file's number on disk
// cannot belong to a new file.
func unlinkOwn(path string, own fs.FileInfo) error {
	now, err := os.Lstat(path)
	if err != nil || !os.SameFile(now, own) {
		return nil // gone already, or not ours
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// clearPath removes a socket file that nobody listens on. Anything else at the
// path is an error.
func clearPath(path string) error {
	found, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if found.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%w: the path exists and is no socket: write another path, or remove it yourself", syscall.EADDRINUSE)
	}
	probe, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		probe.Close()
		return fmt.Errorf("%w: a program is listening there: stop it, or write another path", syscall.EADDRINUSE)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if !isRefused(err) {
		return fmt.Errorf("%w: cannot tell whether a program is listening there (%w): write another path", syscall.EADDRINUSE, err)
	}
	if err := unlinkOwn(path, found); err != nil {
		return fmt.Errorf("remove the socket file that nobody listens on: %w", err)
	}
	return nil
}

// dialIPC connects to an ipc endpoint.
func dialIPC(ctx context.Context, e Endpoint) (net.Conn, error) {
	if e.addr == wildcard {
		return nil, dialError(e, errors.New("a wildcard cannot be connected to: use the bound endpoint"))
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", e.addr)
	if err != nil {
		return nil, dialError(e, err)
	}
	return c, nil
}
