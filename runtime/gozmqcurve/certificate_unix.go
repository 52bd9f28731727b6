//go:build unix

package gozmqcurve

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// openCertificate opens a file for reading. It does not wait for the writer of a
// FIFO.
func openCertificate(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// checkPrivate checks that a secret key's file belongs to this user or to root, and
// that nobody else can read or change it.
func checkPrivate(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s has mode %04o: others can read or change the secret; chmod 600 it, and make a new key if they did", path, mode)
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid != 0 && int(s.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, who can read and change the secret: chown it to user %d, or to root", path, s.Uid, os.Geteuid())
	}
	return nil
}

// fileIdentity tells a file from another one that has replaced it. The system sets
// what it consists of: a program that copies times and sizes cannot.
func fileIdentity(info fs.FileInfo) string {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprint(s.Dev, s.Ino, changeTime(s))
}
