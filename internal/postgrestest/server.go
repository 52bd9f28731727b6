// Package postgrestest starts PostgreSQL servers for tests. A server listens on a
// free port of the loopback interface, has its data in a temporary folder, and
// ends with the test.
package postgrestest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

const (
	role     = "gozmq"
	patience = 60 * time.Second
)

// A Server is a PostgreSQL server. One goroutine at a time may call its methods.
type Server struct {
	bin      string // the folder of the programs
	dir      string
	port     int
	password string
	settings []string
	cmd      *exec.Cmd
	exited   chan struct{}
	log      lockedBuffer
}

// ErrMissing says that PostgreSQL is not installed on this machine.
var ErrMissing = errors.New("PostgreSQL is not installed: no initdb in PATH or /usr/lib/postgresql")

// Start starts a server with these settings, such as "fsync=off", and stops it when
// the test ends. Without PostgreSQL on this machine it skips the test, and fails it
// if GOZMQ_INTEROP is set.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := New(settings...)
	Check(t, err)
	t.Cleanup(s.Close)
	return s
}

// Check ends a test if New has returned an error: it skips it when PostgreSQL is
// missing and GOZMQ_INTEROP is not set, and fails it otherwise.
func Check(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("GOZMQ_INTEROP") == "":
		t.Skipf("%v; .ci/run debian installs it", err)
	default:
		t.Fatalf("start PostgreSQL: %v; .ci/run debian installs it", err)
	}
}

// New starts a server for several tests. Its error is ErrMissing when PostgreSQL is
// not installed. Close must be called.
func New(settings ...string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, password: rand.Text(), settings: settings}
	if s.dir, err = os.MkdirTemp("", "postgrestest-"); err != nil {
		return nil, err
	}
	if err = s.make(); err == nil {
		s.port, err = testkit.FreePort()
	}
	if err == nil {
		err = s.run()
	}
	if err != nil {
		_ = os.RemoveAll(s.dir)
		return nil, err
	}
	return s, nil
}

// Close stops the server and removes its data.
func (s *Server) Close() {
	s.Stop()
	_ = os.RemoveAll(s.dir)
}

// programs returns the folder with the newest initdb and postgres.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // Debian's
	slices.SortFunc(folders, func(a, b string) int { return version(a) - version(b) })
	for _, folder := range slices.Backward(folders) {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err == nil {
			return folder, nil
		}
	}
	return "", ErrMissing
}

func version(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return n
}

// make makes the server's data.
func (s *Server) make() error {
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(s.password), 0o600); err != nil {
		return err
	}
	if err := s.own(s.dir, password); err != nil {
		return err
	}
	c := s.command("initdb", "--pgdata", s.data(), "--username", role, "--pwfile", password,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--wal-segsize", "1")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command returns a program that does not run as root, because PostgreSQL refuses
// to.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, name), args...)
	c.Dir = "/"
	c.Env = append(os.Environ(), "LC_ALL=C")
	c.SysProcAttr = attributes()
	return c
}

// run starts the program and waits until it answers.
func (s *Server) run() error {
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port), "-h", "127.0.0.1", "-k", ""}
	for _, setting := range slices.Concat([]string{"shared_buffers=32MB", "max_connections=60", "wal_keep_size=0"}, s.settings) {
		args = append(args, "-c", setting)
	}
	s.cmd = s.command("postgres", args...)
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(c *exec.Cmd) {
		_ = c.Wait() // its log says why it ended
		close(exited)
	}(s.cmd)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if s.command("pg_isready", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(s.port)).Run() == nil {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("it has ended:\n%s", s.log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	s.Stop()
	return fmt.Errorf("it does not answer:\n%s", s.log.String())
}

// Addr returns the server's address, such as "127.0.0.1:5432".
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Password returns the password of the only user.
func (s *Server) Password() string { return s.password }

// URL returns the URL to connect to address: the server's, or the address of a
// proxy in front of it.
func (s *Server) URL(address string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, s.password), Host: address, Path: "postgres", RawQuery: "sslmode=disable"}
	return u.String()
}

// Process returns the server's process.
func (s *Server) Process() *os.Process { return s.cmd.Process }

// Log returns the server's log.
func (s *Server) Log() string { return s.log.String() }

// Own gives a folder to the server's account, for a tablespace.
func (s *Server) Own(folder string) error { return s.own(folder) }

// Stop ends the server as an administrator does, and waits for it.
func (s *Server) Stop() { s.end(syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL) }

// Crash ends the server as a fault does: it must recover when it starts again.
func (s *Server) Crash() { s.end(syscall.SIGQUIT, syscall.SIGKILL) }

func (s *Server) end(signals ...syscall.Signal) {
	for _, signal := range signals {
		_ = s.cmd.Process.Signal(signal)
		select {
		case <-s.exited:
			return
		case <-time.After(patience / 4):
		}
	}
	<-s.exited
}

// Restart starts a server that has ended, on the same port with the same data.
func (s *Server) Restart() error { return s.run() }

// A lockedBuffer keeps a log.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.ToValidUTF8(b.buffer.String(), "?")
}
