package socket

import (
	"sync"
	"sync/atomic"
	"time"
)

// A Pace knows how long one kind of job has run. The zero value knows nothing
// and takes jobs to be slow.
type Pace struct{ streak atomic.Int32 }

const (
	quickRun    = 20 * time.Microsecond // what a quick job takes at most
	quickStreak = 16                    // quick jobs in a row make a quick kind
)

func (p *Pace) quick() bool { return p.streak.Load() >= quickStreak }

func (p *Pace) reset() { p.streak.Store(0) }

// note notes how long a job took. Only jobs that do not hold up reading are
// measured; the others are watched.
func (p *Pace) note(d time.Duration) {
	switch {
	case d > quickRun:
		p.reset()
	case !p.quick():
		p.streak.Add(1)
	}
}

const (
	// watchEvery is how often the watch looks: a job that is found running
	// twice has its connection read by someone else.
	watchEvery = 250 * time.Microsecond
	// watchCool is how many looks without a job let the watch forget a
	// connection.
	watchCool = 400
)

// A watch frees connections whose reader runs a job that takes longer than
// expected. It has a goroutine only while there is something to watch.
type watch struct {
	mu    sync.Mutex
	peers map[*RouterPeer]*watched
}

// watched is what the watch saw of a connection when it looked last.
type watched struct {
	inline uint64
	still  int // looks since that changed
}

// add makes the watch look at p; p.router runs a job.
func (w *watch) add(p *RouterPeer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.peers == nil {
		w.peers = make(map[*RouterPeer]*watched)
		p.router.readers.Go(w.run)
	}
	w.peers[p] = &watched{inline: p.inline.Load()}
}

func (w *watch) run() {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for range t.C {
		if !w.look() {
			return
		}
	}
}

// look looks at every connection once; it returns false when none is left.
func (w *watch) look() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p, seen := range w.peers {
		if p.Err() != nil || !w.keep(p, seen) {
			delete(w.peers, p)
		}
	}
	if len(w.peers) == 0 {
		w.peers = nil
		return false
	}
	return true
}

// keep looks at one connection and returns whether to look at it again.
func (w *watch) keep(p *RouterPeer, seen *watched) bool {
	now := p.inline.Load()
	if now != seen.inline {
		*seen = watched{inline: now}
		return true
	}
	if now%2 == 1 && p.inline.CompareAndSwap(now, now+1) {
		// The role of the reader is ours now, and we give it away.
		p.hot.Store(false)
		p.uncork()
		p.router.promote(p)
		return false
	}
	if seen.still++; seen.still < watchCool {
		return true
	}
	// Either the reader sees that it is not watched any more before it runs a
	// job, or we see that it runs one.
	p.hot.Store(false)
	if p.inline.Load() == now {
		return false
	}
	p.hot.Store(true)
	return true
}
