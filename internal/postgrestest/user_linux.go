package postgrestest

import "syscall"

// endWithParent has the kernel end the program if the test dies before Stop.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }
