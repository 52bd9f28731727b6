//go:build unix

package gozmq

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// TestInheritedServer is the child of the tests below: a server on an endpoint,
// until its standard input ends.
func TestInheritedServer(t *testing.T) {
	endpoint := os.Getenv("GOZMQ_TEST_ENDPOINT")
	if endpoint == "" {
		t.Skip("it is the child of other tests")
	}
	s := serve(t, Bind(strings.Split(endpoint, ",")...), echoHandlers())
	fmt.Println("listening", strings.Join(s.Addrs(), ","))
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// An heir is a child process that has inherited listeners.
type heir struct {
	cmd   *exec.Cmd
	stdin io.Closer
	addrs string
}

// inherit starts a child that binds endpoint and has the listeners, from descriptor
// 3 on, with these names, as systemd passes them on.
func inherit(t *testing.T, endpoint, names string, files ...*os.File) *heir {
	t.Helper()
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, os.Args[0], "-test.run=^TestInheritedServer$", "-test.v")
	cmd.Env = append(os.Environ(), "GOZMQ_TEST_ENDPOINT="+endpoint, fmt.Sprint("LISTEN_FDS=", len(files)), "LISTEN_FDNAMES="+names)
	cmd.ExtraFiles, cmd.Stderr = files, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &heir{cmd: cmd, stdin: stdin}
	t.Cleanup(func() { _ = h.end() })
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if addrs, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			h.addrs = addrs
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return h
		}
	}
	t.Fatalf("the child has not bound %s: %v", endpoint, cmd.Wait())
	return nil
}

// end ends the child.
func (h *heir) end() error {
	h.stdin.Close()
	return h.cmd.Wait()
}

// listenFiles opens a tcp and a unix listener, and returns their descriptors; the
// listeners themselves are closed.
func listenFiles(t *testing.T) (tcp, unix string, files []*os.File) {
	t.Helper()
	unix = filepath.Join(t.TempDir(), "s")
	for _, at := range [][2]string{{"tcp", "127.0.0.1:0"}, {"unix", unix}} {
		ln, err := net.Listen(at[0], at[1])
		if err != nil {
			t.Fatal(err)
		}
		if u, ok := ln.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		} else {
			tcp = ln.Addr().String()
		}
		f, err := ln.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		t.Cleanup(func() { f.Close() })
		files = append(files, f)
	}
	return tcp, unix, files
}

// TestInheritedDescriptors has children serve descriptors that they have
// inherited, by number and by name. A client that comes before the server waits in
// the kernel's queue; the next child goes on where the last one has ended, and no
// socket file is removed.
func TestInheritedDescriptors(t *testing.T) {
	tcp, unix, files := listenFiles(t)
	bound := "tcp://" + tcp + ",ipc://" + unix
	conns := []*Conn{dial(t, Connect("tcp://"+tcp), fast()), dial(t, Connect("ipc://"+unix), fast())}
	for _, endpoint := range []string{"fd://3,fd://4", "fd://calls,fd://local.socket"} {
		child := inherit(t, endpoint, "calls:local.socket", files...)
		if child.addrs != bound {
			t.Errorf("%s is bound as %s, want %s", endpoint, child.addrs, bound)
		}
		for _, c := range conns {
			if _, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes(nil), WithWaitForReady()); err != nil {
				t.Errorf("%s: %v", endpoint, err)
			}
		}
		if err := child.end(); err != nil {
			t.Errorf("%s: the child: %v", endpoint, err)
		}
		if _, err := os.Lstat(unix); err != nil {
			t.Errorf("%s: the socket file: %v", endpoint, err)
		}
	}
}

// TestInheritedMistakes: what is wrong with a descriptor is told when it is bound.
func TestInheritedMistakes(t *testing.T) {
	t.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid()))
	t.Setenv("LISTEN_FDS", "3")
	t.Setenv("LISTEN_FDNAMES", "one:two:two:not passed")
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for endpoint, want := range map[string]string{
		"fd://2":                           "standard stream",
		"fd://":                            "no descriptor",
		"fd://a/b":                         "neither the number nor the name",
		"fd://100000":                      "has not inherited it",
		fmt.Sprint("fd://", null.Fd()):     "no socket that listens",
		"fd://three":                       `there are ["one" "two" "two"]`,
		"fd://two":                         "as fd://4",
		"fd://" + strings.Repeat("x", 300): "neither",
	} {
		_, err := NewPublisher(Bind(endpoint))
		wantText(t, err, want)
	}
	t.Setenv("LISTEN_PID", "1")
	_, err = NewPublisher(Bind("fd://one"))
	wantText(t, err, "for process 1")
	t.Setenv("LISTEN_PID", "")
	_, err = NewPublisher(Bind("fd://one"))
	wantText(t, err, "LISTEN_PID is not set")
	_, err = NewPublisher(Connect("fd://3"))
	wantText(t, err, "only when binding")
	_, err = NewPublisher(BindListener(nil))
	wantText(t, err, "a nil listener")
}

// listening returns a listener, which the socket that binds it is to close.
func listening(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ln.Close(); err == nil {
			t.Error("the listener was left open")
		}
	})
	return ln
}

// TestBindListener has every role bind a listener.
func TestBindListener(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		ln := listening(t)
		s := serve(t, BindListener(ln), echoHandlers())
		if want := "tcp://" + ln.Addr().String(); s.addr() != want {
			t.Errorf("it is bound at %s, want %s", s.addr(), want)
		}
		mustEcho(t, dial(t, Connect(s.addr())))
	})
	t.Run("client", func(t *testing.T) {
		c := dial(t, BindListener(listening(t)))
		serve(t, Connect(c.Addrs()...), echoHandlers())
		mustEcho(t, c)
	})
	t.Run("publisher and subscriber", func(t *testing.T) {
		p, s := publisher(t, BindListener(listening(t))), subscriber(t, BindListener(listening(t)))
		other := publisher(t, Connect(s.Addrs()...))
		heard := listen(t, other, s)
		publish(t, other, at("ams", "1"))
		heard.next(t)
		heard = listen(t, p, subscriber(t, Connect(p.Addrs()...)))
		publish(t, p, at("ams", "2"))
		heard.next(t)
	})
	for _, d := range []Delivery{DeliveryAtMostOnce, DeliveryAtLeastOnce} {
		t.Run("ventilator, worker and sink "+d.String(), func(t *testing.T) {
			m := &Method{Procedure: "test.Tasks/Square", Delivery: d}
			v, k := ventilator(t, d, BindListener(listening(t))), sink(t, d, BindListener(listening(t)))
			handlers := []TaskHandler{HandleTask(m, squares)}
			got := follow(t, func(ctx context.Context) seq[*number] { return Results[number](ctx, k, m) })
			work(t, handlers, From(Connect(v.Addrs()...)), To(Connect(k.Addrs()...)))
			pushNumbers(t, v, m, 1)
			got.next(t)

			w := work(t, handlers, From(BindListener(listening(t))), To(Connect(k.Addrs()...)))
			pushNumbers(t, ventilator(t, d, Connect(w.Addrs()[0])), m, 1)
			got.next(t)
		})
	}
	t.Run("proxy", func(t *testing.T) {
		front, back := listening(t), listening(t)
		p, err := NewProxy(PatternReqRep, Front(BindListener(front)), Back(BindListener(back)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		serve(t, Connect("tcp://"+back.Addr().String()), echoHandlers())
		mustEcho(t, dial(t, Connect("tcp://"+front.Addr().String())))
		stop()
		if err := testkit.Receive(t, ended, "the end of the proxy"); err != nil {
			t.Error(err)
		}
	})
}
