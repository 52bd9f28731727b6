package gozmqbolt

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// startBatch starts a ventilator in a process of its own, which pushes a batch or
// goes on with the one in its file, and waits until the file has it.
func startBatch(t *testing.T, path, endpoint string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, path, endpoint, batchWord)
	c.Env = append(os.Environ(), roleVariable+"=1")
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the ventilator said %q: %v", line, err)
	}
	return c
}

// The sink of a batch whose ventilator is killed hears once of its end, and once
// that it is complete, with every task done.
func TestBatchOfKilledVentilator(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	status := make(chan gozmq.BatchStatus, 10)
	sink, err := gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"),
		gozmq.WithBatchHandler(func(s gozmq.BatchStatus) { status <- s }))
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	ended := make(chan error, 1)
	running, stop := context.WithCancel(ctx)
	half, again := make(chan struct{}), make(chan struct{})
	var runs atomic.Int64
	w, err := gozmqimpl.NewWorker("test.Tasks", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTask(method, func(_ context.Context, n *number) (*number, error) {
			switch run := runs.Add(1); {
			case run == batchTasks/2:
				close(half)
				fallthrough
			case run > batchTasks/2:
				<-again
			}
			return n, nil
		})}
	}, []gozmq.WorkerOption{gozmq.From(gozmq.Bind("tcp://127.0.0.1:*")), gozmq.To(gozmq.Connect(sink.Addrs()...))})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := w.Addrs()[0]
	go func() { ended <- w.Run(running) }()
	go func() {
		for _, err := range gozmqimpl.Results[number](running, sink, method) {
			if err != nil {
				t.Error(err)
			}
		}
	}()
	path := filepath.Join(t.TempDir(), "tasks.db")
	v := startBatch(t, path, endpoint)
	testkit.Receive(t, half, "half of the tasks")
	if err := v.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = v.Wait() // "signal: killed"
	v = startBatch(t, path, endpoint)
	close(again)
	if err := v.Wait(); err != nil {
		t.Error(err)
	}
	if s := testkit.Receive(t, status, "word of the end"); s.Name != "album" || s.Tasks != batchTasks || s.Complete {
		t.Errorf("first word: %+v", s)
	}
	if s := testkit.Receive(t, status, "word of the completion"); s.Tasks != batchTasks || s.Results != batchTasks || !s.Complete || s.Failed > 0 {
		t.Errorf("last word: %+v", s)
	}
	stop()
	if err := testkit.Receive(t, ended, "the end of the worker"); err != nil {
		t.Error(err)
	}
	if len(status) > 0 {
		t.Errorf("told again: %+v", <-status)
	}
}
