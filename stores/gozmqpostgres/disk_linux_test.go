package gozmqpostgres

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/gozmq/gozmq/internal/postgrestest"
)

// A disk is a small file system.
type disk struct {
	t      *testing.T
	folder string
}

// smallDisk returns a file system of a size, for a server.
func smallDisk(t *testing.T, srv *postgrestest.Server, size int) disk {
	t.Helper()
	folder, err := os.MkdirTemp("", "smalldisk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(folder) })
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("a small file system cannot be mounted here, which needs root: %v", err)
	}
	t.Cleanup(func() {
		srv.Stop()
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	if err := srv.Own(folder); err != nil {
		t.Fatal(err)
	}
	return disk{t, folder}
}

// grow makes the file system larger.
func (d disk) grow(size int) {
	d.t.Helper()
	if err := syscall.Mount("", d.folder, "", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", size)); err != nil {
		d.t.Fatal(err)
	}
}
