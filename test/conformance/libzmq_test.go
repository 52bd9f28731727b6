package conformance

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A driver is the process of testdata/libzmq.py. Its methods may be called from
// any goroutine.
type driver struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	wrote bytes.Buffer // on standard error; complete when done is closed
	done  chan struct{}

	mu      sync.Mutex
	last    int
	waiting map[int]chan driverAnswer
	ended   bool
}

type driverAnswer struct {
	result json.RawMessage
	err    error
}

// options of a socket of libzmq, named as pyzmq names them: numbers, or bytes
// as a []byte.
type options map[string]any

func startDriver(t *testing.T) *driver {
	t.Helper()
	python, err := findPython()
	if err != nil {
		t.Fatalf("GOZMQ_INTEROP=1: %v", err)
	}
	d := &driver{cmd: exec.Command(python, "testdata/libzmq.py"), done: make(chan struct{}), waiting: map[int]chan driverAnswer{}}
	d.cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=") // else a write that is cut short loses the rest
	d.cmd.Stderr = &d.wrote
	stdout, err := d.cmd.StdoutPipe()
	if err == nil {
		d.stdin, err = d.cmd.StdinPipe()
	}
	if err == nil {
		err = d.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go d.run(stdout)
	return d
}

// findPython returns an interpreter that has pyzmq.
func findPython() (string, error) {
	candidates := []string{"/usr/bin/python3", "python3"}
	if path := os.Getenv("GOZMQ_PYTHON"); path != "" {
		candidates = []string{path}
	}
	var errs []error
	for _, path := range candidates {
		out, err := exec.Command(path, "-c", "import zmq").CombinedOutput()
		if err == nil {
			return path, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w: %s", path, err, out))
	}
	return "", fmt.Errorf("no python3 with pyzmq (Debian's python3-zmq): %w", errors.Join(errs...))
}

// run hands out the answers until the process ends.
func (d *driver) run(stdout io.Reader) {
	defer close(d.done)
	lines := bufio.NewReaderSize(stdout, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var answer [3]json.RawMessage
		parts := answer[:]
		var number int
		if json.Unmarshal(line, &parts) != nil || len(parts) < 2 || json.Unmarshal(parts[0], &number) != nil {
			d.answer(d.newest(), driverAnswer{err: fmt.Errorf("libzmq.py wrote %q", line)})
			continue
		}
		a := driverAnswer{result: parts[1]}
		if len(parts) > 2 && parts[2] != nil {
			a.err = errors.New(string(parts[2]))
		}
		d.answer(number, a)
	}
	err := d.cmd.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	for _, ch := range d.waiting {
		ch <- driverAnswer{err: fmt.Errorf("libzmq.py has ended (%v): %s", err, d.wrote.Bytes())}
	}
	clear(d.waiting)
}

func (d *driver) newest() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

func (d *driver) answer(number int, a driverAnswer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ch := d.waiting[number]; ch != nil {
		delete(d.waiting, number)
		ch <- a
	}
}

// close ends the process, kindly at first.
func (d *driver) close() {
	d.stdin.Close()
	select {
	case <-d.done:
	case <-time.After(testkit.Patience()):
		_ = d.cmd.Process.Kill()
		<-d.done
	}
}

// begin sends a command, whose answer comes from the channel.
func (d *driver) begin(words ...any) (<-chan driverAnswer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch := make(chan driverAnswer, 1)
	if d.ended {
		return nil, fmt.Errorf("libzmq.py has ended: %s", d.wrote.Bytes())
	}
	d.last++
	line, err := json.Marshal(append([]any{d.last}, words...))
	if err != nil {
		return nil, err
	}
	d.waiting[d.last] = ch
	_, err = d.stdin.Write(append(line, '\n'))
	return ch, err
}

// A zmqSocket is a socket of libzmq.
type zmqSocket struct {
	t      *testing.T
	driver *driver
	name   string
	kind   string
	route  string // ROUTER: the identity of who wrote last
	closed bool
}

// socket opens a socket of libzmq, which is closed with the test.
func (at *env) socket(t *testing.T, kind string, o options) *zmqSocket {
	t.Helper()
	z := &zmqSocket{t: t, driver: at.peers.driver, kind: kind, name: fmt.Sprint("s", at.peers.endings.Add(1))}
	converted := map[string]any{}
	for name, value := range o {
		converted[name] = encodeOption(value)
	}
	z.do(nil, "open", z.name, kind, converted)
	t.Cleanup(z.close)
	return z
}

func encodeOption(v any) any {
	if b, ok := v.([]byte); ok {
		return hex.EncodeToString(b)
	}
	return v
}

// do carries out a command and stores its result in v, if that is not nil.
func (z *zmqSocket) do(v any, words ...any) {
	z.t.Helper()
	if err := z.try(v, words...); err != nil {
		z.t.Fatalf("%v of libzmq's %s: %v", words[0], z.kind, err)
	}
}

// try is do for a command that may fail.
func (z *zmqSocket) try(v any, words ...any) error {
	ch, err := z.driver.begin(words...)
	if err != nil {
		return err
	}
	select {
	case a := <-ch:
		if a.err != nil || v == nil {
			return a.err
		}
		return json.Unmarshal(a.result, v)
	case <-time.After(testkit.Patience()):
		return errors.New("nothing happened")
	}
}

func (z *zmqSocket) set(option string, value any) {
	z.t.Helper()
	z.do(nil, "set", z.name, option, encodeOption(value))
}

func (z *zmqSocket) bind(endpoint string) string {
	z.t.Helper()
	z.do(&endpoint, "bind", z.name, endpoint)
	return endpoint
}

func (z *zmqSocket) connect(endpoint string) {
	z.t.Helper()
	z.do(nil, "connect", z.name, endpoint)
}

// send waits until libzmq has taken the message.
func (z *zmqSocket) send(frames ...string) {
	z.t.Helper()
	if z.kind == "ROUTER" {
		frames = append([]string{z.route}, frames...)
	}
	z.do(nil, "send", z.name, hexFrames(frames))
}

// flood sends up to count equal messages and returns how many libzmq took.
func (z *zmqSocket) flood(count int, frames ...string) (taken int) {
	z.t.Helper()
	z.do(&taken, "flood", z.name, count, hexFrames(frames))
	return taken
}

func (z *zmqSocket) recv() []string {
	z.t.Helper()
	var texts []string
	z.do(&texts, "recv", z.name)
	frames := make([]string, len(texts))
	for i, text := range texts {
		b, err := hex.DecodeString(text)
		if err != nil {
			z.t.Fatal(err)
		}
		frames[i] = string(b)
	}
	if z.kind == "ROUTER" {
		z.route, frames = frames[0], frames[1:]
	}
	return frames
}

func (z *zmqSocket) subscribe(prefix string) { z.set("SUBSCRIBE", []byte(prefix)) }

func (z *zmqSocket) cancel(prefix string) { z.set("UNSUBSCRIBE", []byte(prefix)) }

// await waits for an event of the socket's monitor whose name begins so, as
// "DISCONNECTED".
func (z *zmqSocket) await(event string) {
	z.t.Helper()
	z.do(nil, "await", z.name, event)
}

// events returns the monitor's events since the last one that was awaited.
func (z *zmqSocket) events() (names []string) {
	z.t.Helper()
	z.do(&names, "events", z.name)
	return names
}

func (z *zmqSocket) close() {
	if z.closed {
		return
	}
	z.closed = true
	if ch, err := z.driver.begin("close", z.name); err == nil {
		select {
		case <-ch:
		case <-time.After(testkit.Patience()):
			z.t.Errorf("libzmq's %s does not close", z.kind)
		}
	}
}

func hexFrames(frames []string) []string {
	texts := make([]string, len(frames))
	for i, f := range frames {
		texts[i] = hex.EncodeToString([]byte(f))
	}
	return texts
}
