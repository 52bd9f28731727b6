package gozmqbolt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

var patience = testkit.Stretch(60 * time.Second)

type number = wrapperspb.Int64Value

var method = &gozmq.Method{Procedure: "test.Tasks/Run", Delivery: gozmq.DeliveryAtLeastOnce}

func push(ctx context.Context, v *gozmq.Ventilator, n int64) error {
	return gozmqimpl.Push(ctx, v, method, wrapperspb.Int64(n))
}

// batchWord is what the test says instead of a first number, to have a batch.
const batchWord = "batch"

// ventilateBatch pushes a batch unless the store has tasks, says so, and waits
// until all tasks are done.
func ventilateBatch(v *gozmq.Ventilator) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if v.Progress().Queued == 0 {
		b := v.StartBatch("album")
		for n := range int64(batchTasks) {
			if err := push(b.Context(ctx), v, n); err != nil {
				return err
			}
		}
		if err := b.End(ctx); err != nil {
			return err
		}
	}
	fmt.Println("pushed", batchTasks)
	return v.Wait(ctx)
}

const batchTasks = 40

// runVentilator pushes numbers, from the first one on, into the pipeline whose
// workers have bound an endpoint, and says each when it has been taken. It ends
// when its standard input does, after all tasks are done.
func runVentilator(args []string) int {
	err := ventilate(args[0], args[1], args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "ventilator:", err)
		return 1
	}
	return 0
}

func ventilate(path, endpoint, first string) error {
	next, err := strconv.ParseInt(first, 10, 64)
	if err != nil && first != batchWord {
		return err
	}
	store, err := Open(path)
	if err != nil {
		return err
	}
	defer store.Close()
	v, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(store), gozmq.WithTaskQueue(200, 1<<20),
		gozmq.Connect(endpoint), gozmq.WithReconnectBackoff(time.Millisecond, 10*time.Millisecond),
		gozmq.WithEventHandler(func(e gozmq.Event) {
			if e.Kind == gozmq.EventStandby {
				fmt.Println("standby", 0)
			}
		}))
	if err != nil {
		return err
	}
	defer v.Close()
	if first == batchWord {
		return ventilateBatch(v)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := pushAll(ctx, v, next); err != nil {
		return err
	}
	all, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return v.Wait(all)
}

// pushAll pushes tasks from number first until ctx ends, several at once, so
// that the store commits them together.
func pushAll(ctx context.Context, v *gozmq.Ventilator, first int64) error {
	const pushers = 16
	var next atomic.Int64
	next.Store(first - 1)
	errs := make(chan error, pushers)
	for range pushers {
		go func() {
			for ctx.Err() == nil {
				n := next.Add(1)
				fmt.Println("begin", n)
				err := push(ctx, v, n)
				if err != nil && ctx.Err() == nil {
					errs <- err
					return
				}
				if err == nil {
					fmt.Println("pushed", n)
				}
			}
			errs <- nil
		}()
	}
	var all error
	for range pushers {
		all = errors.Join(all, <-errs)
	}
	return all
}

// A ventilatorProcess is killed and started again, on the same file.
type ventilatorProcess struct {
	t     *testing.T
	args  []string
	cmd   *exec.Cmd
	stdin io.Closer
	heeds sync.WaitGroup

	mu     sync.Mutex
	begun  int64          // the last one
	waits  bool           // it stands by
	pushed map[int64]bool // Push has returned
	change chan struct{}
}

func (p *ventilatorProcess) start() {
	p.t.Helper()
	program, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	first := p.begun + 1
	p.mu.Unlock()
	p.cmd = exec.Command(program, append(p.args, strconv.FormatInt(first, 10))...)
	p.cmd.Env = append(os.Environ(), roleVariable+"=1")
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.heeds.Go(func() {
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return // half a line was never said
			}
			p.heard(strings.TrimSpace(line))
		}
	})
}

func (p *ventilatorProcess) heard(line string) {
	word, value, _ := strings.Cut(line, " ")
	n, err := strconv.ParseInt(value, 10, 64)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		p.t.Errorf("the ventilator said %q", line)
	case word == "begin":
		p.begun = max(p.begun, n)
	case word == "pushed":
		p.pushed[n], p.waits = true, false
	case word == "standby":
		p.waits = true
	}
	close(p.change)
	p.change = make(chan struct{})
}

// waitPushed waits until n more tasks have been taken.
func (p *ventilatorProcess) waitPushed(ctx context.Context, n int) {
	p.t.Helper()
	p.mu.Lock()
	want := len(p.pushed) + n
	p.mu.Unlock()
	p.wait(ctx, func() bool { return len(p.pushed) >= want })
}

// wait waits until it has said what is wanted.
func (p *ventilatorProcess) wait(ctx context.Context, wanted func() bool) {
	p.t.Helper()
	for {
		p.mu.Lock()
		ok, have, change := wanted(), len(p.pushed), p.change
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-change:
		case <-ctx.Done():
			p.t.Fatalf("it has taken %d tasks, and does not what is wanted", have)
		}
	}
}

// A ventilator that is killed again and again, and restarted on its file, loses
// no task that it has taken, while the connections of its worker are cut.
func TestKilledVentilatorLosesNothing(t *testing.T) {
	const tasks, kills = 10_000, 8
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dir := t.TempDir()
	sink, err := gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	toSink := gozmqtest.NewProxy(t, sink.Addrs()[0])
	w, err := gozmqimpl.NewWorker("test.Tasks", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTask(method, func(_ context.Context, n *number) (*number, error) { return n, nil })}
	}, []gozmq.WorkerOption{gozmq.From(gozmq.Bind("tcp://127.0.0.1:*")), gozmq.To(gozmq.Connect(toSink.Endpoint())),
		gozmq.WithConcurrency(4), gozmq.WithReconnectBackoff(time.Millisecond, 10*time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	toWorker := gozmqtest.NewProxy(t, w.Addrs()[0])
	var wg sync.WaitGroup
	running, stop := context.WithCancel(ctx)
	wg.Go(func() {
		if err := w.Run(running); err != nil {
			t.Error(err)
		}
	})
	came := make(map[int64]int)
	wg.Go(func() {
		for n, err := range gozmqimpl.Results[number](running, sink, method) {
			if err != nil {
				t.Error(err)
			}
			came[n.GetValue()]++
		}
	})

	p := &ventilatorProcess{t: t, args: []string{filepath.Join(dir, "tasks.db"), toWorker.Endpoint()}, pushed: make(map[int64]bool), change: make(chan struct{})}
	for range kills {
		p.start()
		for range 2 {
			p.waitPushed(ctx, 1+random.IntN(tasks/kills))
			toWorker.Reset()
			toSink.Reset()
		}
		p.waitPushed(ctx, 1+random.IntN(100))
		if err := p.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		p.heeds.Wait()
		_ = p.cmd.Wait() // "signal: killed"
	}
	left := max(tasks-len(p.pushed), 100)
	p.start()
	p.waitPushed(ctx, left)
	p.stdin.Close()
	p.heeds.Wait()
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	stop()
	wg.Wait()
	lost, twice := 0, 0
	for n := range p.pushed {
		if came[n] == 0 {
			lost++
		}
	}
	for n, count := range came {
		if count > 1 {
			twice++
		}
		if n < 1 || n > p.begun {
			t.Errorf("the result of task %d came, which was not pushed", n)
		}
	}
	t.Logf("%d ventilators killed, %d connections to the worker and %d to the sink; %d tasks begun, %d taken, %d results, %d of them more than once, %d lost; sink: %v", kills, toWorker.Connections(), toSink.Connections(), p.begun, len(p.pushed), len(came), twice, lost, sink.Progress())
	if lost > 0 {
		t.Errorf("%d tasks are lost", lost)
	}
}
