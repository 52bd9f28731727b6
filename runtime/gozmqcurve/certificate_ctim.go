//go:build unix && !darwin && !freebsd && !netbsd && !aix

package gozmqcurve

import "syscall"

func changeTime(s *syscall.Stat_t) syscall.Timespec { return s.Ctim }
