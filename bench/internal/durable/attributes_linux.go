package durable

import "syscall"

// attributes has the kernel end a server if this process dies before it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
