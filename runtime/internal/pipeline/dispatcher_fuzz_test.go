package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// dispatcher returns a dispatcher without connections, which drops its events.
func dispatcher(t testing.TB, store gozmqstore.Store) *Dispatcher {
	t.Helper()
	d, err := NewDispatcher(DispatcherConfig{
		MaxTasks: 1000, MaxBytes: 1 << 20, Store: store,
		DeadLetter:   func(context.Context, DeadTask) error { return nil },
		WantsLetter:  func(string) bool { return true },
		LeaseExpired: func(*link.Conn, string) {},
		TaskDead:     func(DeadTask) {},
		StoreFailed:  func(error) {},
		Owner:        func() {},
		Standby:      func(error) {},

		LetterDiscarded: func(string, error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Whatever two workers say, in any order, no task is lost: it waits, is held,
// is done or is given up.
func FuzzDispatcherReceives(f *testing.F) {
	add := func(messages ...[]string) {
		var b []byte
		for _, frames := range messages {
			b = append(b, byte(len(frames)))
			for _, frame := range frames {
				b = append(append(b, byte(len(frame))), frame...)
			}
		}
		f.Add(b)
	}
	add([]string{"CREDIT", "2"}, []string{"DONE", "\x00"}, []string{"FAIL", "\x01", ""}, []string{"RETURN", "\x02"})
	add([]string{"CREDIT", "65537"}, []string{"REJECT", "\x00", "\x08\x03"}, []string{"EXTEND", "\x01", "more"}, []string{"", ""})
	f.Fuzz(func(t *testing.T, b []byte) {
		const tasks = 5
		d := dispatcher(t, nil)
		for range tasks {
			if _, err := d.Push(t.Context(), nil, Task{Procedure: "s/M", MaxAttempts: 2, Lease: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
		peers := []*taskqueue.Peer{d.queue.Join(), d.queue.Join()}
		c := d.receiveAll(b, peers)
		if sum := c.Queued + c.InFlight + int(c.Done+c.Dead); sum != tasks || c.Queued < 0 || c.InFlight < 0 {
			t.Errorf("%d tasks were pushed: %+v", tasks, c)
		}
		d.mu.Lock()
		for _, p := range peers {
			d.queue.Leave(p, time.Now())
		}
		left := d.queue.Counts()
		d.mu.Unlock()
		if left.InFlight != 0 || left.Queued+int(left.Done+left.Dead) != tasks {
			t.Errorf("%d tasks were pushed, and when the workers are gone: %+v", tasks, left)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := d.Close(ended); (err != nil) != (left.Queued > 0) {
			t.Errorf("Close with %d tasks left: %v", left.Queued, err)
		}
	})
}

// receiveAll handles the messages in b, of the peers in turn, while time passes
// and tasks are handed out.
func (d *Dispatcher) receiveAll(b []byte, peers []*taskqueue.Peer) taskqueue.Counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	var ids []string
	for i := 0; len(b) > 0; i++ {
		var frames [][]byte
		frames, b = fuzzFrames(b)
		if len(frames) > 1 && len(frames[1]) == 1 && int(frames[1][0]) < len(ids) {
			frames[1] = []byte(ids[frames[1][0]]) // a task that was handed out
		}
		_ = d.handle(peers[i%2], frames, now)
		for task, _ := d.queue.Next(now); task != nil; task, _ = d.queue.Next(now) {
			ids = append(ids, string(task.ID))
		}
		now = now.Add(time.Second)
		d.queue.Expire(now)
	}
	return d.queue.Counts()
}

// fuzzFrames takes one message off b: a number of frames, and each behind its
// size.
func fuzzFrames(b []byte) (frames [][]byte, rest []byte) {
	n := 1 + int(b[0]%8)
	b = b[1:]
	for range n {
		if len(b) == 0 {
			frames = append(frames, nil)
			continue
		}
		size := min(int(b[0]), len(b)-1)
		frames, b = append(frames, b[1:1+size]), b[1+size:]
	}
	return frames, b
}
