package gozmq

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
)

// poisonEnv has the test binary run as a worker that dies of task 7.
const poisonEnv = "GOZMQ_TEST_POISON"

// One task of 30 kills each process that begins it. It alone is given up, after
// as many deaths as it may have attempts.
func TestSurePoison(t *testing.T) {
	if where := os.Getenv(poisonEnv); where != "" {
		dieOfTask7(where)
		return
	}
	const tasks = 30
	dead, option := letters()
	p := site{endpoint: "tcp://127.0.0.1:*"}.surePipeline(t, []VentilatorOption{option, WithRetryBackoff(time.Millisecond, 10*time.Millisecond)}, nil)
	results := results2(t, p.Sink)
	pushNumbers(t, p.Ventilator, leased(time.Minute, 3), tasks)
	over := make(chan error, 1)
	ctx := testkit.Within(t)
	go func() { over <- p.Ventilator.Wait(ctx) }()
	deaths := 0
	for done := false; !done; deaths++ {
		worker := exec.Command(os.Args[0], "-test.run", "^TestSurePoison$")
		worker.Env = append(os.Environ(), poisonEnv+"="+p.Ventilator.Addrs()[0]+","+p.Sink.Addrs()[0])
		if err := worker.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = worker.Wait(); close(ended) }()
		select {
		case <-ended:
		case err := <-over:
			if err != nil {
				t.Errorf("Wait: %v", err)
			}
			done = true
			_ = worker.Process.Kill()
			<-ended
		}
	}
	wantLetter(t, dead, 7, 3, CodeUnavailable, "connection to the worker was lost")
	if len(dead) > 0 || deaths > 8 {
		t.Errorf("%d more tasks were given up, and %d workers died", len(dead), deaths)
	}
	for range tasks - 1 {
		testkit.Receive(t, results, "a result")
	}
}

func dieOfTask7(where string) {
	from, to, _ := strings.Cut(where, ",")
	_ = RunWorker(context.Background(), "test.Sure", func() []TaskHandler {
		return surely(func(ctx context.Context, task *number) (*number, error) {
			time.Sleep(5 * time.Millisecond)
			if task.GetValue() == 7 {
				time.Sleep(20 * time.Millisecond) // so that word of its begin gets out
				os.Exit(3)                        // as when the system is out of memory
			}
			return squares(ctx, task)
		})
	}, From(Connect(from)), To(Connect(to)), WithConcurrency(4))
}

// A task that runs well is no dead letter, however often the connection of its
// worker is lost: the worker says that it still runs.
func TestSureFlappingConnection(t *testing.T) {
	events := newRecorder()
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), events.option(), WithDeadLetterHandler(func(_ context.Context, d DeadLetter) error {
		t.Errorf("dead letter after %d attempts: %v", d.Attempts, d.Reason)
		return nil
	}))
	started, release := make(chan struct{}, 10), make(chan struct{})
	w := work(t, []TaskHandler{HandleTaskOnly(sureLog, func(context.Context, *number) error {
		started <- struct{}{}
		<-release
		return nil
	})}, From(Connect(v.Addrs()...)), fast())
	m := *sureLog
	m.MaxAttempts = 2
	if err := v.Push(testkit.Within(t), &m, wrapperspb.Int64(1)); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, started, "the task")
	for i := range 6 {
		wantProgress(t, func() Progress { return Progress{InFlight: v.Progress().InFlight} }, Progress{InFlight: 1})
		tasks, _ := w.engine.Links()
		tasks.Each(func(c *link.Conn) { c.Close(errors.New("the network is down")) })
		events.wait(t, EventDisconnected, i+1)
		events.wait(t, EventConnected, i+2)
	}
	close(release)
	waitDone(t, v)
	if len(started) > 0 {
		t.Error("the task was begun again")
	}
}
