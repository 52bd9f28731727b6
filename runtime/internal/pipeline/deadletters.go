package pipeline

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A DeadTask is a task that was given up.
type DeadTask struct {
	ID, Procedure string
	Attempts      int
	Reason        error  // *FailedError, ErrLost or ErrExpired
	Batch         string // name of its batch, or empty
	Body          []byte
	Metadata      wire.Metadata // the task's; nil: none
}

// deadLetters passes dead tasks to the user's function, one at a time, in a
// goroutine that ends with close. One that the function fails is offered again
// after a pause, which doubles each time; others do not wait for it.
type deadLetters struct {
	cfg     letterConfig
	ctx     context.Context // of the user's function
	cancel  context.CancelFunc
	handled func(id string)

	mu     sync.Mutex
	fresh  []DeadTask    // were not offered yet, oldest first
	failed []*deadLetter // are to be offered again
	busy   bool
	closed bool
	over   bool // after close: nothing is offered a second time
	wake   notify.Token
	ended  chan struct{}
}

// letterConfig configures deadLetters.
type letterConfig struct {
	call         func(context.Context, DeadTask) error
	first, limit time.Duration // of the pauses
	stored       bool          // a letter that is not handled is not lost
}

// A deadLetter is a dead task that the user's function has failed.
type deadLetter struct {
	DeadTask
	failures int       // how often it has
	due      time.Time // when it is offered again
}

// minLetterPause is the shortest pause before a letter is offered again.
const minLetterPause = 10 * time.Millisecond

// newDeadLetters starts the goroutine. handled is called with each letter that the
// user's function has taken.
func newDeadLetters(cfg letterConfig, handled func(id string)) *deadLetters {
	l := &deadLetters{cfg: cfg, handled: handled, wake: notify.NewToken(), ended: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	go l.run()
	return l
}

func (l *deadLetters) add(d DeadTask) {
	l.mu.Lock()
	l.fresh = append(l.fresh, d)
	l.mu.Unlock()
	l.wake.Set()
}

// len returns how many dead letters are not handled.
func (l *deadLetters) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.fresh) + len(l.failed)
	if l.busy {
		n++
	}
	return n
}

func (l *deadLetters) run() {
	defer close(l.ended)
	defer l.cancel()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		d, pause, end := l.next(time.Now())
		switch {
		case end:
			return
		case d != nil:
			l.offer(d)
			continue
		}
		timer.Reset(pause)
		select {
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// next takes a letter that is due. Without one it returns how long to wait, or that
// nothing will be offered any more.
func (l *deadLetters) next(now time.Time) (d *deadLetter, pause time.Duration, end bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.fresh) > 0 {
		d = &deadLetter{DeadTask: l.fresh[0]}
		l.fresh[0] = DeadTask{}
		l.fresh = l.fresh[1:]
		l.busy = true
		return d, 0, false
	}
	if l.over {
		return nil, time.Hour, l.closed
	}
	pause = time.Hour
	for i, d := range l.failed {
		wait := d.due.Sub(now)
		if wait <= 0 {
			l.failed = slices.Delete(l.failed, i, i+1)
			l.busy = true
			return d, 0, false
		}
		pause = min(pause, wait)
	}
	return nil, pause, l.closed && len(l.failed) == 0
}

// offer calls the user's function with a letter, and keeps it if that fails.
func (l *deadLetters) offer(d *deadLetter) {
	err := l.cfg.call(l.ctx, d.DeadTask)
	l.mu.Lock()
	l.busy = false
	if err != nil {
		d.due = time.Now().Add(l.pause(d.failures))
		d.failures++
		l.failed = append(l.failed, d)
	}
	l.mu.Unlock()
	if err == nil {
		l.handled(d.ID)
	}
}

// pause returns how long to wait after a letter was failed once more.
func (l *deadLetters) pause(failures int) time.Duration {
	return max(minLetterPause, min(l.cfg.first<<min(failures, 20), l.cfg.limit))
}

// close returns when every dead letter was handled or, once ctx has ended, was
// offered. Where a store has them, it does not wait for letters that were failed.
// It returns how many are left.
func (l *deadLetters) close(ctx context.Context) int {
	l.mu.Lock()
	l.closed, l.over = true, l.cfg.stored
	l.mu.Unlock()
	l.wake.Set()
	select {
	case <-l.ended:
	case <-ctx.Done():
		l.cancel()
		l.mu.Lock()
		l.over = true
		l.mu.Unlock()
		l.wake.Set()
		<-l.ended
	}
	return l.len()
}

// giveUp makes a task a dead letter; d.mu is held.
func (d *Dispatcher) giveUp(t *taskqueue.Task) {
	h := wire.ParseTaskHeader(t.Header)
	dead := DeadTask{
		ID: string(t.ID), Procedure: t.Procedure, Attempts: t.Attempts, Reason: t.Reason, Batch: h.BatchName(), Body: t.Body,
		Metadata: h.Metadata,
	}
	if t.Batch != nil && d.store != nil {
		d.dying[dead.ID] = d.open[t.Batch]
	}
	d.cfg.TaskDead(dead)
	d.letters.add(dead)
	d.checkBatch(t.Batch)
}

// letterHandled is called when DeadLetter has taken a letter.
func (d *Dispatcher) letterHandled(id string) {
	d.mu.Lock()
	d.bury(id)
	d.changed.Notify()
	d.mu.Unlock()
}
