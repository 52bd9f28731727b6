package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

func mustBind(t testing.TB, s string) Endpoint {
	t.Helper()
	e, err := ParseBind(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustListen(t testing.TB, s string) *Listener {
	t.Helper()
	l, err := mustBind(t, s).Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connect dials what l says it is bound to and returns both ends.
func connect(t testing.TB, l *Listener) (client, server net.Conn) {
	t.Helper()
	e, err := ParseConnect(l.Endpoint().String())
	if err != nil {
		t.Fatal(err)
	}
	client, err = e.Dial(testkit.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

// echo sends a text through both directions of a connection.
func echo(t testing.TB, client, server net.Conn) {
	t.Helper()
	text := []byte("hello")
	if _, err := client.Write(text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(server, got); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Write(got); err != nil {
		t.Fatal(err)
	}
	clear(got)
	if _, err := io.ReadFull(client, got); err != nil {
		t.Fatal(err)
	}
	if string(got) != string(text) {
		t.Fatalf("got %q back, want %q", got, text)
	}
}

// bindable lists endpoints that every machine can bind, and what Endpoint says.
func bindable(t testing.TB) map[string]string {
	dir := shortDir(t)
	m := map[string]string{
		"tcp://*:*":                     `^tcp://0\.0\.0\.0:\d+$`,
		"tcp://127.0.0.1:0":             `^tcp://127\.0\.0\.1:\d+$`,
		"tcp://localhost:*":             `^tcp://(127\.0\.0\.1|\[::1\]):\d+$`,
		"ipc://" + dir + "/a.sock":      "^ipc://" + regexp.QuoteMeta(dir) + `/a\.sock$`,
		"ipc://*":                       `^ipc://.*gozmq-\d+.ipc$`,
		"inproc://" + t.Name() + "/one": "^inproc://" + t.Name() + "/one$",
	}
	if abstractNames {
		m[fmt.Sprintf("ipc://@gozmq-test-%d", os.Getpid())] = `^ipc://@gozmq-test-\d+$`
	}
	return m
}

// shortDir is t.TempDir with a path that leaves room for a socket's name.
func shortDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "gz")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.ToSlash(dir)
}

func TestListenAndDial(t *testing.T) {
	for in, want := range bindable(t) {
		t.Run(in, func(t *testing.T) {
			l := mustListen(t, in)
			if got := l.Endpoint().String(); !regexp.MustCompile(want).MatchString(got) {
				t.Errorf("Endpoint() = %s, want it to match %s", got, want)
			}
			for range 3 {
				client, server := connect(t, l)
				echo(t, client, server)
			}
		})
	}
}

// TestListenEveryAddress checks which addresses a wildcard stands for, and that
// what it is reported as can be connected to.
func TestListenEveryAddress(t *testing.T) {
	for endpoint, v6 := range map[string]bool{"tcp://0.0.0.0:*": false, "tcp://*:*": true} {
		t.Run(endpoint, func(t *testing.T) {
			ep, err := ParseBind(endpoint)
			if err != nil {
				t.Fatal(err)
			}
			ln, err := ep.Listen()
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			at := ln.Endpoint().String()
			if !strings.HasPrefix(at, "tcp://0.0.0.0:") {
				t.Errorf("it is reported as %s", at)
			}
			port := at[strings.LastIndexByte(at, ':'):]
			c, err := net.Dial("tcp4", "127.0.0.1"+port)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			c, err = net.Dial("tcp6", "[::1]"+port)
			if err == nil {
				c.Close()
			}
			if got := err == nil; got != v6 && !(v6 && !hasV6()) {
				t.Errorf("an IPv6 peer gets in: %v, want %v", got, v6)
			}
		})
	}
}

// hasV6 reports whether this machine has an IPv6 loopback address.
func hasV6() bool {
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		ln.Close()
	}
	return err == nil
}

func TestListenV6(t *testing.T) {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6 loopback: %v", err)
	}
	probe.Close()
	l := mustListen(t, "tcp://[::1]:*")
	if got := l.Endpoint().String(); !strings.HasPrefix(got, "tcp://[::1]:") {
		t.Errorf("Endpoint() = %s", got)
	}
	client, server := connect(t, l)
	echo(t, client, server)
}

func TestListenInterface(t *testing.T) {
	ifaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range ifaces {
		if i.Flags&net.FlagLoopback == 0 || i.Flags&net.FlagUp == 0 || hasForeignByte(i.Name) {
			continue
		}
		l := mustListen(t, "tcp://"+i.Name+":*")
		if got := l.Endpoint().String(); !strings.HasPrefix(got, "tcp://127.") && !strings.HasPrefix(got, "tcp://[::1]:") {
			t.Errorf("bound %s for interface %s", got, i.Name)
		}
		client, server := connect(t, l)
		echo(t, client, server)
		return
	}
	t.Skip("this machine has no loopback interface with a name that fits an endpoint")
}

func TestListenTwice(t *testing.T) {
	for in := range bindable(t) {
		t.Run(in, func(t *testing.T) {
			l := mustListen(t, in)
			again := l.Endpoint()
			if other, err := again.Listen(); err == nil {
				other.Close()
				t.Fatalf("bound %s twice", again)
			} else if runtime.GOOS != "windows" && !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("the second bind failed with %v, want address in use", err)
			}
			client, server := connect(t, l) // the attempt must not have hurt the first
			if again.Scheme() == schemeIPC && again.addr[0] != '@' {
				server.Close() // the second bind looked who is there
				var err error
				if server, err = l.Accept(); err != nil {
					t.Fatal(err)
				}
				defer server.Close()
			}
			echo(t, client, server)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if in == "ipc://*" {
				return // its folder is gone
			}
			l, err := again.Listen()
			if again.Scheme() == schemeTCP { // another process may have the port for a moment
				testkit.Eventually(t, "the port", func() bool {
					if errors.Is(err, syscall.EADDRINUSE) {
						l, err = again.Listen()
					}
					return !errors.Is(err, syscall.EADDRINUSE)
				})
			}
			if err != nil {
				t.Fatalf("bind after close: %v", err)
			}
			defer l.Close()
			client, server = connect(t, l)
			echo(t, client, server)
		})
	}
}

func TestListenerClose(t *testing.T) {
	for in := range bindable(t) {
		t.Run(in, func(t *testing.T) {
			l := mustListen(t, in)
			client, server := connect(t, l)
			done := make(chan error)
			go func() {
				_, err := l.Accept()
				done <- err
			}()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if err := <-done; !errors.Is(err, net.ErrClosed) || IsTemporaryAccept(err) {
				t.Errorf("Accept ended with %v, want net.ErrClosed, not temporary", err)
			}
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept after Close: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
			echo(t, client, server)
		})
	}
}

func TestDialNobody(t *testing.T) {
	// The port of a connection, which no process can listen on.
	client, _ := connect(t, mustListen(t, "tcp://127.0.0.1:0"))
	for _, in := range []string{"tcp://" + client.LocalAddr().String(), "ipc://" + shortDir(t) + "/none.sock"} {
		t.Run(in, func(t *testing.T) {
			e, err := ParseConnect(in)
			if err != nil {
				t.Fatal(err)
			}
			c, err := e.Dial(testkit.Within(t))
			if err == nil {
				c.Close()
				t.Fatal("connected to nobody")
			}
			if !strings.HasPrefix(err.Error(), "connect "+in+": ") {
				t.Errorf("the error does not name the endpoint: %v", err)
			}
		})
	}
}

func TestDialEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for in := range bindable(t) {
		l := mustListen(t, in)
		if c, err := l.Endpoint().Dial(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Dial(%s) = %v, %v; want context.Canceled", in, c, err)
		}
	}
}

func TestDialWildcard(t *testing.T) {
	for _, in := range []string{"tcp://*:1", "tcp://127.0.0.1:*", "ipc://*"} {
		if c, err := mustBind(t, in).Dial(testkit.Within(t)); err == nil {
			c.Close()
			t.Errorf("connected to %s", in)
		}
	}
}

func TestZeroEndpoint(t *testing.T) {
	var e Endpoint
	if l, err := e.Listen(); err == nil {
		t.Errorf("Listen() = %v", l)
	}
	if c, err := e.Dial(testkit.Within(t)); err == nil {
		t.Errorf("Dial() = %v", c)
	}
	if e.String() != "" || e.Scheme() != "" {
		t.Errorf("String() = %q, Scheme() = %q", e, e.Scheme())
	}
}

func TestListenAdvice(t *testing.T) {
	dir := shortDir(t)
	if err := os.WriteFile(dir+"/file", []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, in, want string }{
		{"unknown host", "tcp://no-such-host.invalid:1", "neither a network interface of this machine nor a host name"},
		{"foreign address", "tcp://192.0.2.1:5555", "tcp://*:5555 takes every one it has"},
		{"no folder", "ipc://" + dir + "/none/a.sock", "create the folder"},
		{"a file", "ipc://" + dir + "/file", "is no socket"},
		{"a folder", "ipc://" + dir, "is no socket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := mustBind(t, tt.in).Listen()
			if err == nil {
				l.Close()
				t.Fatal("bound")
			}
			if runtime.GOOS == "linux" && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\nwant a text with %q", err, tt.want)
			}
			if !strings.HasPrefix(err.Error(), "bind "+tt.in) {
				t.Errorf("the error does not name the endpoint: %v", err)
			}
		})
	}
	if text, err := os.ReadFile(dir + "/file"); string(text) != "precious" {
		t.Errorf("the file was touched: %q, %v", text, err)
	}
}

func TestIsTemporaryAccept(t *testing.T) {
	wrap := func(err error) error {
		return fmt.Errorf("accept: %w", &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", err)})
	}
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"nil", nil, false},
		{"descriptors of the process", wrap(syscall.EMFILE), true},
		{"descriptors of the system", wrap(syscall.ENFILE), true},
		{"memory", wrap(syscall.ENOBUFS), true},
		{"peer gone", wrap(syscall.ECONNABORTED), true},
		{"closed", wrap(net.ErrClosed), false},
		{"bad descriptor", wrap(syscall.EBADF), false},
		{"other", io.EOF, false},
		{"not exist", fs.ErrNotExist, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := IsTemporaryAccept(tt.err); got != tt.want {
				t.Errorf("IsTemporaryAccept(%v) = %v", tt.err, got)
			}
		})
	}
}
