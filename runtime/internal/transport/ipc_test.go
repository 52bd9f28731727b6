package transport

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// abandon leaves a socket file that nobody listens on, as a crash does.
func abandon(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
	if !exists(path) {
		t.Fatalf("%s is gone", path)
	}
}

func TestIPCMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows has no file modes")
	}
	path := shortDir(t) + "/a.sock"
	mustListen(t, "ipc://"+path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("the socket's mode is %o, want 600", got)
	}
}

func TestIPCUnlinks(t *testing.T) {
	path := shortDir(t) + "/a.sock"
	l := mustListen(t, "ipc://"+path)
	if !exists(path) {
		t.Fatalf("%s was not made", path)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(path) {
		t.Errorf("%s is still there after Close", path)
	}
}

func TestIPCTemporaryUnlinks(t *testing.T) {
	l := mustListen(t, "ipc://*")
	dir := filepath.Dir(l.Endpoint().addr)
	if !exists(dir) {
		t.Fatalf("%s was not made", dir)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(dir) {
		t.Errorf("%s is still there after Close", dir)
	}
}

func TestIPCReplacesStale(t *testing.T) {
	path := shortDir(t) + "/a.sock"
	abandon(t, path)
	l := mustListen(t, "ipc://"+path)
	client, server := connect(t, l)
	echo(t, client, server)
}

func TestIPCLeavesSuccessor(t *testing.T) {
	path := shortDir(t) + "/a.sock"
	first := mustListen(t, "ipc://"+path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := mustListen(t, "ipc://"+path)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	client, server := connect(t, second) // its file must still be there
	echo(t, client, server)
}

func TestIPCLeavesForeignFile(t *testing.T) {
	dir := shortDir(t)
	path := dir + "/a.sock"
	l := mustListen(t, "ipc://"+path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if !exists(path) {
		t.Error("Close removed a file that is not its own")
	}
	if err := os.Symlink(path, dir+"/link"); err == nil {
		if l, err := mustBind(t, "ipc://"+dir+"/link").Listen(); err == nil {
			l.Close()
			t.Error("bound a link to a file")
		}
		if !exists(dir + "/link") {
			t.Error("the link was removed")
		}
	}
}

func TestIPCRelativePath(t *testing.T) {
	t.Chdir(shortDir(t))
	l := mustListen(t, "ipc://a.sock")
	client, server := connect(t, l)
	echo(t, client, server)
}

func TestIPCLongestPath(t *testing.T) {
	path := shortDir(t) + "/"
	path += strings.Repeat("x", maxPath-len(path))
	l := mustListen(t, "ipc://"+path)
	client, server := connect(t, l)
	echo(t, client, server)
}

func TestIPCUnknownState(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() == 0 {
		t.Skip("needs Linux and a user whose access can be taken away")
	}
	path := shortDir(t) + "/a.sock"
	abandon(t, path)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if l, err := mustBind(t, "ipc://"+path).Listen(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Listen() = %v, %v; want address in use", l, err)
	}
}

// TestStalePathIsTakenOnce has several bind a path at which a stale socket file
// is: one of them gets it, and can be reached.
func TestStalePathIsTakenOnce(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no lock")
	}
	path := filepath.Join(t.TempDir(), "s")
	ep, err := ParseBind("ipc://" + path)
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		abandon(t, path)
		var wg sync.WaitGroup
		got := make(chan *Listener, 4)
		for range cap(got) {
			wg.Go(func() {
				if ln, err := ep.Listen(); err == nil {
					got <- ln
				} else if !errors.Is(err, syscall.EADDRINUSE) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		close(got)
		if len(got) != 1 {
			t.Fatalf("%d believe to listen, want one", len(got))
		}
		for ln := range got {
			ln.Close()
		}
	}
}
