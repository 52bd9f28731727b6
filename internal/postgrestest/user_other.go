//go:build !unix

package postgrestest

import "syscall"

func (s *Server) own(...string) error { return nil }

func attributes() *syscall.SysProcAttr { return nil }
