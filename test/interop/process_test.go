package interop

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A process is a Python script that runs beside the test. It tells what
// happens on standard output, a line per event.
type process struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string
	stop   chan struct{}
	done   chan struct{} // closed when the process has ended
	err    error         // its exit, once done is closed
	stderr lockedBuffer
	once   sync.Once
}

// startPeer starts one of the scripts of testdata/peers, which docs/PROTOCOL.md
// prints, and waits until its socket is open. It returns the rest of the
// "ready" line: the endpoints.
func startPeer(t *testing.T, script string, args ...string) (*process, []string) {
	t.Helper()
	python(t)
	p := start(t, messageClasses(t), filepath.Join("peers", script), args...)
	return p, strings.Fields(p.expect("ready"))
}

// start starts a script of testdata with the folder on its PYTHONPATH. The
// process is killed when the test ends.
func start(t *testing.T, pythonPath, script string, args ...string) *process {
	t.Helper()
	interpreter := python(t)
	p := &process{
		t: t, name: script,
		lines: make(chan string, 64), stop: make(chan struct{}), done: make(chan struct{}),
	}
	p.cmd = exec.Command(interpreter, append([]string{filepath.Join("testdata", script)}, args...)...)
	path := pythonPath + string(filepath.ListSeparator) + os.Getenv("PYTHONPATH")
	// Unbuffered, Python would lose the rest of a line when a write is cut short,
	// as that of a process which is stopped for a while.
	p.cmd.Env = append(os.Environ(), "PYTHONPATH="+path, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=")
	p.cmd.Stderr = &p.stderr
	p.launch()
	t.Cleanup(func() {
		p.kill()
		if text := p.stderr.String(); text != "" && t.Failed() {
			t.Logf("%s wrote on standard error:\n%s", script, text)
		}
	})
	return p
}

func (p *process) launch() {
	p.t.Helper()
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go p.run(stdout)
}

// run passes the process's lines on and waits for its end.
func (p *process) run(stdout io.Reader) {
	defer close(p.done)
	defer close(p.lines)
	r := bufio.NewReader(stdout)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			break
		}
		select {
		case p.lines <- strings.TrimSuffix(line, "\n"):
		case <-p.stop:
		}
	}
	p.err = p.cmd.Wait()
}

// line returns the next line of the process.
func (p *process) line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			<-p.done
			p.t.Fatalf("%s ended (%v) when a line was expected:\n%s", p.name, p.err, p.stderr.String())
		}
		return line
	case <-time.After(testkit.Patience()):
		p.t.Fatalf("%s wrote nothing for %v:\n%s", p.name, testkit.Patience(), p.stderr.String())
	}
	return ""
}

// expect returns what follows word on the next line, which must start with it.
func (p *process) expect(word string) string {
	p.t.Helper()
	line := p.line()
	rest, ok := strings.CutPrefix(line, word)
	if !ok {
		p.t.Fatalf("%s wrote %q, want a line that starts with %q", p.name, line, word)
	}
	return strings.TrimPrefix(rest, " ")
}

// input writes a line to the process.
func (p *process) input(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.t.Fatalf("%s: %v\n%s", p.name, err, p.stderr.String())
	}
}

// wait waits for the process to end by itself, without an error and without
// a further line.
func (p *process) wait() {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if ok {
			p.t.Fatalf("%s wrote %q, want its end", p.name, line)
		}
	case <-time.After(testkit.Patience()):
		p.t.Fatalf("%s did not end within %v", p.name, testkit.Patience())
	}
	<-p.done
	if p.err != nil {
		p.t.Fatalf("%s: %v\n%s", p.name, p.err, p.stderr.String())
	}
}

// kill ends the process at once and waits until it is gone.
func (p *process) kill() {
	p.once.Do(func() {
		close(p.stop)
		p.cmd.Process.Kill() // fails only when it has ended by itself
		<-p.done
	})
}

// A lockedBuffer is a bytes.Buffer that may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
