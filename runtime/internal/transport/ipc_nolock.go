//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package transport

// lockFolder does nothing: this system has no suitable lock.
func lockFolder(string) (unlock func(), err error) { return func() {}, nil }
