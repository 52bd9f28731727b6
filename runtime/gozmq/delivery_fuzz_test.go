package gozmq

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// Whatever two workers say, in any order, no task is lost: it waits, is held, is
// done or is given up.
func FuzzVentilatorHears(f *testing.F) {
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
	add([]string{wordCredit, "2"}, []string{wordDone, "\x00"}, []string{wordFail, "\x01", ""}, []string{wordReturn, "\x02"})
	add([]string{wordCredit, "65537"}, []string{wordReject, "\x00", "\x08\x03"}, []string{wordExtend, "\x01", "more"}, []string{"", ""})
	f.Fuzz(func(t *testing.T, b []byte) {
		const tasks = 5
		v := ventilator(t, AtLeastOnce, Bind("inproc://"+t.Name()), WithLinger(0), WithEventHandler(func(Event) {}))
		d := v.sender.(*dispatcher)
		for range tasks {
			if err := v.Push(t.Context(), leased(time.Hour, 2), wrapperspb.Int64(1)); err != nil {
				t.Fatal(err)
			}
		}
		d.mu.Lock()
		peers := []*taskqueue.Peer{d.queue.Join(), d.queue.Join()}
		now := time.Now()
		var ids []string
		for i := 0; len(b) > 0; i++ {
			var frames [][]byte
			frames, b = fuzzFrames(b)
			if len(frames) > 1 && len(frames[1]) == 1 && int(frames[1][0]) < len(ids) {
				frames[1] = []byte(ids[frames[1][0]]) // a task that was handed out
			}
			_ = d.hear(peers[i%2], frames, now)
			for task, _ := d.queue.Next(now); task != nil; task, _ = d.queue.Next(now) {
				ids = append(ids, string(task.ID))
			}
			now = now.Add(time.Second)
			d.queue.Expire(now)
		}
		c := d.queue.Counts()
		d.mu.Unlock()
		if sum := c.Queued + c.InFlight + int(c.Done+c.Dead); sum != tasks || c.Queued < 0 || c.InFlight < 0 {
			t.Errorf("%d tasks were pushed: %+v", tasks, c)
		}
		d.mu.Lock()
		for _, p := range peers {
			d.queue.Leave(p)
		}
		left := d.queue.Counts()
		d.mu.Unlock()
		if left.InFlight != 0 || left.Queued+int(left.Done+left.Dead) != tasks {
			t.Errorf("%d tasks were pushed, and when the workers are gone: %+v", tasks, left)
		}
		wantLeft := left.Queued
		if err := v.Close(); (err != nil) != (wantLeft > 0) {
			t.Errorf("Close with %d tasks left: %v", wantLeft, err)
		}
	})
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
