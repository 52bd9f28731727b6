//go:build !linux

package durable

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }
