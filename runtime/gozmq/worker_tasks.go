package gozmq

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A taker gets tasks from ventilators that deliver at least once: a DEALER that
// grants credit, extends leases and tells how tasks ended.
type taker struct {
	direct *socket.Direct
	credit int

	mu       sync.Mutex
	waiting  []*lease
	held     map[string]*lease  // those that wait and those that run
	holds    map[*link.Conn]int // how many of them came from each
	done     *taskqueue.Window  // tasks that were done here
	draining bool
	wake     chan struct{} // closed and replaced when something is there, or draining
	again    uint64        // tasks that came again
	stop     func()        // called when a ventilator says so

	beat  chan struct{} // a token: a lease ends sooner than the extender knows
	ended chan struct{} // closed by shutdown
	wg    sync.WaitGroup
}

// A lease is a task that is held.
type lease struct {
	taskFrames
	length  time.Duration // 0: without end
	attempt int
	batch   string

	conn    *link.Conn // where its end is told; nil: lost
	from    *link.Conn // where it came from, once it runs
	running bool
	due     time.Time // when to extend it or, if it still waits, to return it
	last    time.Time // no extension after; zero: for ever
}

const (
	// takerMemory is how many tasks a worker remembers to have done, so that
	// one that comes again after a broken connection is not done again.
	takerMemory = 4096
	// minExtend is the shortest time between two extensions.
	minExtend = 10 * time.Millisecond
)

// newTaker returns a taker without ventilators, which grants each of them that
// credit. stop is called when one says that the worker is to end, maybe more
// than once. shutdown must be called.
func newTaker(cfg link.Config, o *observer, credit int, stop func()) *taker {
	t := &taker{
		credit: credit, stop: stop, held: make(map[string]*lease), holds: make(map[*link.Conn]int),
		done: taskqueue.NewWindow(takerMemory, 0), wake: make(chan struct{}),
		beat: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	cfg.SocketType = zmtp.Dealer
	cfg.Observe = o.link(zmtp.Dealer)
	t.direct = socket.NewDirect(cfg, t, true)
	t.wg.Go(t.extend)
	return t
}

// Join grants credit to a ventilator (socket.PeerHandler).
func (t *taker) Join(c *link.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.holds[c] = 0
	if !t.draining {
		socket.SendAnyway(c, []byte(wordCredit), strconv.AppendInt(nil, int64(t.credit), 10))
	}
}

// Leave forgets what a ventilator will give to others. Tasks that run go on:
// if one comes back, its end is told on the new connection
// (socket.PeerHandler).
func (t *taker) Leave(c *link.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.holds, c)
	kept := t.waiting[:0]
	for _, l := range t.waiting {
		if l.conn != c {
			kept = append(kept, l)
		} else {
			delete(t.held, string(l.id))
		}
	}
	clear(t.waiting[len(kept):])
	t.waiting = kept
	for _, l := range t.held {
		if l.conn == c {
			l.conn = nil
		}
	}
}

// Room has no meaning here: little is sent, and all of it at once
// (socket.PeerHandler).
func (t *taker) Room(*link.Conn) {}

// Receive takes in tasks (socket.PeerHandler).
func (t *taker) Receive(c *link.Conn, b *link.Batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range b.Len() {
		if err := t.hear(c, b.Message(i)); err != nil {
			c.Malformed("message of a ventilator: %w", err)
		}
	}
	t.awaken()
}

func (t *taker) hear(c *link.Conn, frames [][]byte) error {
	switch word := string(cut(frames[0])); word {
	case wordTask:
		f, err := parseTaskFrames(frames)
		if err != nil {
			return err
		}
		return t.receive(c, f)
	case wordStop:
		t.stop()
		return nil
	default:
		return fmt.Errorf("%q: %w", word, errWord)
	}
}

// receive takes in a task.
func (t *taker) receive(c *link.Conn, f taskFrames) error {
	if l := t.held[string(f.id)]; l != nil {
		t.move(l, c)
		return nil
	}
	if t.done.Has(taskqueue.ID(f.id), time.Time{}) {
		t.again++
		socket.SendAnyway(c, []byte(wordDone), f.id)
		return nil
	}
	if t.draining {
		socket.SendAnyway(c, []byte(wordReturn), f.id)
		return nil
	}
	if t.holds[c] >= t.credit {
		socket.SendAnyway(c, []byte(wordReturn), f.id)
		return fmt.Errorf("more tasks than the credit of %d", t.credit)
	}
	h := parseTaskHeader(f.header)
	l := &lease{
		taskFrames: f.clone(), conn: c, length: microseconds(h.GetLeaseUs()),
		attempt: int(h.GetAttempt()), batch: h.GetBatch().GetName(),
	}
	if l.attempt > 1 {
		t.again++
	}
	if l.length > 0 {
		// One that has waited for so long goes to someone who has the time.
		l.due = time.Now().Add(l.length / 2)
		t.hurry()
	}
	t.held[string(l.id)] = l
	t.holds[c]++
	t.waiting = append(t.waiting, l)
	return nil
}

// move makes c the connection on which a task's end is told: the one that it
// came from was lost, whether or not that is known here yet.
func (t *taker) move(l *lease, c *link.Conn) {
	if l.conn == c {
		return
	}
	if l.conn != nil {
		t.holds[l.conn]--
	}
	t.again++
	l.conn = c
	t.holds[c]++
}

// hurry has the extender look when the next lease is due.
func (t *taker) hurry() {
	select {
	case t.beat <- struct{}{}:
	default:
	}
}

// awaken lets everyone who waits look again; t.mu is held.
func (t *taker) awaken() {
	close(t.wake)
	t.wake = make(chan struct{})
}

// take waits for a task and begins it; the worker may have it for limit, 0 is
// for ever. It returns link.ErrClosed when there will be no more.
func (t *taker) take(ctx context.Context, limit time.Duration) (*lease, error) {
	for {
		t.mu.Lock()
		if len(t.waiting) > 0 {
			l := t.waiting[0]
			t.waiting[0] = nil
			t.waiting = t.waiting[1:]
			t.begin(l, limit)
			t.mu.Unlock()
			return l, nil
		}
		wake, draining := t.wake, t.draining
		t.mu.Unlock()
		if draining {
			return nil, link.ErrClosed
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// begin notes that a task runs, and starts its lease anew; t.mu is held.
func (t *taker) begin(l *lease, limit time.Duration) {
	l.running, l.from = true, l.conn
	if l.length == 0 {
		return
	}
	now := time.Now()
	if limit > 0 {
		l.last = now.Add(limit)
	}
	l.due = now.Add(max(l.length/3, minExtend))
	t.hurry()
}

// malformed reports a task that made no sense.
func (t *taker) malformed(l *lease, err error) {
	t.mu.Lock()
	c := l.conn
	t.mu.Unlock()
	if c != nil {
		c.Malformed("task: %w", err)
	}
}

// unlimited lets a task's lease be extended for ever: its handler has returned.
func (t *taker) unlimited(l *lease) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.last = time.Time{}
}

// finish tells the ventilator how a task ended: word, and a status if there is
// one. What was done is not done again here.
func (t *taker) finish(l *lease, word string, status []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if word == wordDone && !t.done.Has(taskqueue.ID(l.id), time.Time{}) {
		t.done.Add(taskqueue.ID(l.id), time.Time{})
	}
	t.tell(l, word, status)
}

// tell lets a task go; t.mu is held.
func (t *taker) tell(l *lease, word string, status []byte) {
	if t.held[string(l.id)] != l {
		return
	}
	delete(t.held, string(l.id))
	c := l.conn
	if c == nil {
		return
	}
	t.holds[c]--
	if status == nil {
		socket.SendAnyway(c, []byte(word), l.id)
	} else {
		socket.SendAnyway(c, []byte(word), l.id, status)
	}
}

// extend keeps the leases of tasks that run, and returns tasks that wait for
// too long, until shutdown.
func (t *taker) extend() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := t.extendDue(time.Now())
		timer.Reset(next)
		select {
		case <-t.beat:
		case <-timer.C:
		case <-t.ended:
			return
		}
	}
}

// extendDue does what is due and returns how long to wait for the next.
func (t *taker) extendDue(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := time.Hour
	for _, l := range t.held {
		if l.length == 0 || l.due.IsZero() {
			continue
		}
		if !l.due.After(now) {
			if !l.running {
				t.giveBack(l)
				continue
			}
			if !l.last.IsZero() && now.After(l.last) {
				l.due = time.Time{} // it has had its time
				continue
			}
			if l.conn != nil {
				_ = socket.SendTo(l.conn, &socket.Frames{Parts: [][]byte{[]byte(wordExtend), l.id}})
			}
			l.due = now.Add(max(l.length/3, minExtend))
		}
		next = min(next, l.due.Sub(now))
	}
	return max(next, time.Millisecond)
}

// giveBack returns a task that has not begun; t.mu is held.
func (t *taker) giveBack(l *lease) {
	for i, other := range t.waiting {
		if other == l {
			t.waiting = append(t.waiting[:i:i], t.waiting[i+1:]...)
			break
		}
	}
	t.tell(l, wordReturn, nil)
}

// drain wants no more tasks and returns those that have not begun.
func (t *taker) drain() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.draining {
		return
	}
	t.draining = true
	for c := range t.holds {
		socket.SendAnyway(c, []byte(wordCredit), []byte("0"))
	}
	for len(t.waiting) > 0 {
		t.giveBack(t.waiting[0])
	}
	t.awaken()
}

// progress returns how many tasks wait, run, and came again.
func (t *taker) progress() (queued, running int, again uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting), len(t.held) - len(t.waiting), t.again
}

// shutdown closes the connections, after tasks that were on their way have been
// returned, and what was told has been handed to the kernel, or ctx has ended.
func (t *taker) shutdown(ctx context.Context) error {
	t.drain()
	t.direct.Settle(ctx)
	err := t.direct.Shutdown(ctx)
	t.mu.Lock()
	select {
	case <-t.ended:
	default:
		close(t.ended)
	}
	t.mu.Unlock()
	t.wg.Wait()
	return err
}
