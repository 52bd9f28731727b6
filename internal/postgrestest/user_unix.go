//go:build unix

package postgrestest

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// somebody returns the account that the server runs as in place of root: the one of
// Debian's package, or nobody.
func somebody() (uid, gid int, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, found := user.Lookup(name)
		if found != nil {
			continue
		}
		uid, err = strconv.Atoi(u.Uid)
		if err == nil {
			gid, err = strconv.Atoi(u.Gid)
		}
		return uid, gid, err
	}
	return 0, 0, fmt.Errorf("there is neither a user postgres nor nobody")
}

// own gives files to the server's account.
func (s *Server) own(files ...string) error {
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid, err := somebody()
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := os.Chown(file, uid, gid); err != nil {
			return err
		}
	}
	return nil
}

// attributes makes a program run as that account, and end with the test.
func attributes() *syscall.SysProcAttr {
	a := new(syscall.SysProcAttr)
	endWithParent(a)
	if os.Getuid() != 0 {
		return a
	}
	if uid, gid, err := somebody(); err == nil {
		a.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return a
}
