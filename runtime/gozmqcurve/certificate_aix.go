package gozmqcurve

import "syscall"

func changeTime(s *syscall.Stat_t) syscall.StTimespec_t { return s.Ctim }
