package gozmqbolt

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// takeOver is how long the next ventilator may take after the death of the owner.
var takeOver = testkit.Stretch(5 * time.Second)

// Two processes have one file. Each time the owner is killed, the other one takes
// over, and the killed one is started again to stand by: no task is lost.
func TestStandbyProcesses(t *testing.T) {
	const kills = 5
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	path := filepath.Join(t.TempDir(), "tasks.db")
	var mu sync.Mutex
	ran := make(map[int64]int)
	w, err := gozmqimpl.NewWorker("test.Tasks", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTaskOnly(method, func(_ context.Context, n *number) error {
			mu.Lock()
			defer mu.Unlock()
			ran[n.GetValue()]++
			return nil
		})}
	}, []gozmq.WorkerOption{gozmq.From(gozmq.Bind("tcp://127.0.0.1:*")), gozmq.WithConcurrency(4)})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(running) }()
	var processes [2]*ventilatorProcess
	for i := range processes {
		processes[i] = &ventilatorProcess{
			t: t, args: []string{path, w.Addrs()[0]}, begun: int64(i) * 1_000_000, pushed: make(map[int64]bool), change: make(chan struct{}),
		}
	}
	processes[0].start()
	processes[0].waitPushed(ctx, 100)
	processes[1].start()
	for n := range kills {
		owner, next := processes[n%2], processes[(n+1)%2]
		next.wait(ctx, func() bool { return next.waits })
		owner.waitPushed(ctx, 50)
		if err := owner.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		began := time.Now()
		next.waitPushed(ctx, 1)
		if d := time.Since(began); d > takeOver {
			t.Errorf("the next ventilator took over after %v", d)
		} else {
			t.Logf("the next ventilator took its first task after %v", d)
		}
		owner.heeds.Wait()
		_ = owner.cmd.Wait() // "signal: killed"
		owner.start()
	}
	for _, p := range []*ventilatorProcess{processes[kills%2], processes[(kills+1)%2]} { // the owner, then the one that waits for it
		p.stdin.Close()
		p.heeds.Wait()
		if err := p.cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	pushed, lost, twice := 0, 0, 0
	for _, p := range processes {
		for n := range p.pushed {
			pushed++
			if ran[n] == 0 {
				lost++
			}
		}
	}
	for _, runs := range ran {
		if runs > 1 {
			twice++
		}
	}
	t.Logf("%d tasks were taken, %d of them were run more than once", pushed, twice)
	if lost > 0 {
		t.Errorf("%d tasks are lost", lost)
	}
}
