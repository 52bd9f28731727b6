package postgrestest

import "syscall"

// endWithParent makes the kernel end the program if the test dies before Stop.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }
