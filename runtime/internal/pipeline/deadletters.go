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
	Reason        error  // *FailedError, ErrLost, ErrExpired, a *LimitError or a *StoredReason
	Batch         string // name of its batch, or empty
	Body          []byte
	Metadata      wire.Metadata // the task's; nil: none
	MaxAttempts   int
	Lease         time.Duration
	Terms         *taskqueue.Terms // nil: none
	Enqueued      time.Time        // when it was pushed
	Ended         time.Time        // when it was given up
}

// deadLetters passes dead letters to the user's function, one at a time, in a
// goroutine that ends with close. When the function fails, it gets the letter again
// after a pause, which doubles each time; other letters do not wait for it.
type deadLetters struct {
	cfg     letterConfig
	ctx     context.Context // of the user's function
	cancel  context.CancelFunc
	handled func(id string)

	mu     sync.Mutex
	fresh  []DeadTask      // were not offered yet, oldest first
	held   map[string]bool // those of fresh that are not stored yet
	failed []*deadLetter   // to be offered again
	busy   bool
	closed bool

	forgotten bool // the letter being offered must not be kept
	over      bool // after close: nothing is offered a second time
	wake      notify.Token
	ended     chan struct{}
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

// add adds a letter to offer. A held letter waits for release: until it is stored,
// another ventilator could take over the task.
func (l *deadLetters) add(d DeadTask, held bool) {
	l.mu.Lock()
	l.fresh = append(l.fresh, d)
	if held {
		if l.held == nil {
			l.held = make(map[string]bool)
		}
		l.held[d.ID] = true
	}
	l.mu.Unlock()
	l.wake.Set()
}

// release has a letter offered that was held.
func (l *deadLetters) release(id string) {
	l.mu.Lock()
	delete(l.held, id)
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

// forget drops the letters, except one that the user's function has.
func (l *deadLetters) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fresh, l.failed, l.held, l.forgotten = nil, nil, nil, l.busy
}

// take drops a letter, unless the user's function has it.
func (l *deadLetters) take(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.fresh) + len(l.failed)
	delete(l.held, id)
	l.fresh = slices.DeleteFunc(l.fresh, func(d DeadTask) bool { return d.ID == id })
	l.failed = slices.DeleteFunc(l.failed, func(d *deadLetter) bool { return d.ID == id })
	l.wake.Set()
	return len(l.fresh)+len(l.failed) < before
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

// next takes a letter that is due. If there is none, it returns how long to wait,
// or that no more letters will be offered.
func (l *deadLetters) next(now time.Time) (d *deadLetter, pause time.Duration, end bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.nextFresh(); d != nil {
		l.busy = true
		return d, 0, false
	}
	waits := len(l.held) > 0 && l.ctx.Err() == nil
	if l.over {
		return nil, time.Hour, l.closed && !waits
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
	return nil, pause, l.closed && len(l.failed) == 0 && !waits
}

// nextFresh takes the oldest letter that was not offered yet and is not held, nil
// for none; l.mu is held.
func (l *deadLetters) nextFresh() *deadLetter {
	for i, d := range l.fresh {
		if l.held[d.ID] {
			continue
		}
		if i > 0 {
			l.fresh = slices.Delete(l.fresh, i, i+1)
		} else {
			l.fresh[0] = DeadTask{}
			l.fresh = l.fresh[1:]
		}
		return &deadLetter{DeadTask: d}
	}
	return nil
}

// offer calls the user's function with a letter, and keeps it if that fails.
func (l *deadLetters) offer(d *deadLetter) {
	err := l.cfg.call(l.ctx, d.DeadTask)
	l.mu.Lock()
	l.busy = false
	forgotten := l.forgotten
	l.forgotten = false
	if err != nil && !forgotten {
		d.due = time.Now().Add(l.pause(d.failures))
		d.failures++
		l.failed = append(l.failed, d)
	}
	l.mu.Unlock()
	if err == nil && !forgotten {
		l.handled(d.ID)
	}
}

// pause returns how long to wait after a letter was failed once more.
func (l *deadLetters) pause(failures int) time.Duration {
	return max(minLetterPause, min(l.cfg.first<<min(failures, 20), l.cfg.limit))
}

// close returns when every dead letter was handled or, once ctx has ended, was
// offered. If letters are stored, it does not wait for failed ones. It returns how
// many are left.
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
