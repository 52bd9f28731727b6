package soak

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// roleVariable makes the test binary a peer.
const roleVariable = "GOZMQ_SOAK_ROLE"

// runChild is a peer in a process of its own. It says on standard output what
// it does, before it does it, and ends when its standard input does.
func runChild(role string, args []string) int {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	var err error
	switch role {
	case "server":
		err = childServer(ctx)
	case "worker":
		err = childWorker(ctx, args[0], args[1])
	case "subscriber":
		err = childSubscriber(ctx, args[0])
	case "publisher":
		err = childPublisher(ctx, args[0])
	case "ventilator":
		err = childVentilator(ctx, args[0], args[1])
	case "hostile":
		err = childHostile(ctx, args[0], args[1], args[2])
	case "slow worker":
		err = runWorker(ctx, func(n int64) { say("ran", n); <-time.After(sureWork) }, args[0], args[1])
	case "sure worker":
		err = runSureWorker(ctx, childDoes, args[0], args[1])
	default:
		err = fmt.Errorf("role is not known")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		return 1
	}
	return 0
}

// say writes one line in one piece.
func say(word string, value any) { fmt.Fprintf(os.Stdout, "%s %v\n", word, value) }

func childServer(ctx context.Context) error {
	s, err := gozmq.NewServer(gozmq.Bind(anyPort), beating())
	if err != nil {
		return err
	}
	err = gozmqimpl.Register(s, "soak.Calls", nil, func() []gozmqimpl.Handler {
		return []gozmqimpl.Handler{gozmqimpl.Handle(echoMethod, func(_ context.Context, req *text) (*text, error) {
			say("ran", req.GetValue())
			return req, nil
		})}
	})
	if err != nil {
		return err
	}
	if err := registerStreams(s, func(id string) { say("streamed", id) }); err != nil {
		return err
	}
	if err := s.Listen(); err != nil {
		return err
	}
	say("addr", s.Addrs()[0])
	return s.Serve(ctx)
}

func childWorker(ctx context.Context, from, to string) error {
	return runWorker(ctx, func(n int64) { say("ran", n) }, from, to)
}

// runWorker runs a worker that returns each task as its result.
func runWorker(ctx context.Context, ran func(n int64), from, to string) error {
	w, err := gozmqimpl.NewWorker("soak.Tasks", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTask(taskMethod, func(_ context.Context, n *number) (*number, error) {
			ran(n.GetValue())
			return n, nil
		})}
	}, []gozmq.WorkerOption{gozmq.From(gozmq.Connect(from)), gozmq.To(gozmq.Connect(to)), fast(), beating()})
	return gozmqimpl.RunWorker(ctx, w, err)
}

// childDoes is a task of a worker that may be killed. One is poison.
func childDoes(_ context.Context, n *number) (*number, error) {
	say("ran", n.GetValue())
	if n.GetValue() == poison {
		os.Exit(3)
	}
	<-time.After(sureWork)
	return n, nil
}

func childSubscriber(ctx context.Context, from string) error {
	s, err := gozmq.NewSubscriber(gozmq.Connect(from), fast(), beating())
	if err != nil {
		return err
	}
	defer s.Close()
	for n, err := range gozmqimpl.SubscribeAll(ctx, s, numberTopic) {
		if err != nil {
			return err
		}
		say("got", n.GetValue())
	}
	return nil
}

func childPublisher(ctx context.Context, first string) error {
	p, err := gozmq.NewPublisher(gozmq.Bind(anyPort), beating())
	if err != nil {
		return err
	}
	defer p.Close()
	say("addr", p.Addrs()[0])
	return count(ctx, first, func(n int64) error {
		return gozmqimpl.Publish(ctx, p, numberTopic, wrapperspb.Int64(n))
	})
}

func childVentilator(ctx context.Context, first, to string) error {
	v, err := gozmq.NewVentilator(gozmq.Connect(to), fast(), beating(), brisk())
	if err != nil {
		return err
	}
	defer v.Close()
	return count(ctx, first, func(n int64) error {
		return gozmqimpl.Push(ctx, v, taskMethod, wrapperspb.Int64(n))
	})
}

// count sends the numbers from first on until ctx ends.
func count(ctx context.Context, first string, send func(n int64) error) error {
	n, err := strconv.ParseInt(first, 10, 64)
	for ; err == nil && paced(ctx); n++ {
		say("sent", n)
		err = send(n)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// paced keeps the load on the machine low; it returns false when ctx has ended.
func paced(ctx context.Context) bool {
	select {
	case <-time.After(time.Millisecond):
		return true
	case <-ctx.Done():
		return false
	}
}

// A child is a peer in a process of its own, which is started again when it
// was killed.
type child struct {
	t      testing.TB
	role   string
	args   func(generation int) []string
	heard  func(generation int, word, value string)
	kills  int
	starts int

	cmd   *exec.Cmd
	stdin io.Closer
	heeds sync.WaitGroup // the reader of its output
}

// start starts the process. It must not run.
func (c *child) start() {
	c.t.Helper()
	program, err := os.Executable()
	must(c.t, err)
	generation := c.starts
	c.starts++
	c.cmd = exec.Command(program, c.args(generation)...)
	c.cmd.Env = append(os.Environ(), roleVariable+"="+c.role, "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	c.cmd.Stderr = os.Stderr
	c.stdin, err = c.cmd.StdinPipe()
	must(c.t, err)
	out, err := c.cmd.StdoutPipe()
	must(c.t, err)
	must(c.t, c.cmd.Start())
	c.heeds.Go(func() {
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return // half a line was never said
			}
			word, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			c.heard(generation, word, value)
		}
	})
}

// kill ends the process without warning and takes in all that it has said.
func (c *child) kill() {
	c.kills++
	if err := c.cmd.Process.Kill(); err != nil {
		c.t.Errorf("kill %s: %v", c.role, err)
	}
	c.heeds.Wait()
	_ = c.cmd.Wait() // "signal: killed"
	c.stdin.Close()
}

// wait takes in all that a process says that ends by itself.
func (c *child) wait() {
	c.heeds.Wait()
	_ = c.cmd.Wait() // its exit is what the test is about
	c.stdin.Close()
}

// stop ends the process in good order.
func (c *child) stop() {
	c.stdin.Close()
	c.heeds.Wait()
	if err := c.cmd.Wait(); err != nil {
		c.t.Errorf("%s: %v", c.role, err)
	}
}

// number is a number that a child has said.
func (c *child) number(value string) int64 {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		c.t.Errorf("%s said %q", c.role, value)
	}
	return n
}
