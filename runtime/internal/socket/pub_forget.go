package socket

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

const (
	// removedAtOnce is how many subscriptions are removed while publishing waits.
	removedAtOnce = 256
	// maxYield is the longest pause between two such lots.
	maxYield = time.Millisecond
)

// forget removes every subscription of c. Peers with many subscriptions are removed
// one after the other, with pauses, so that they do not hold up publishing and
// other goroutines.
func (p *Pub) forget(c *link.Conn) {
	if p.countOf(c) > removedAtOnce {
		p.removing.Lock()
		defer p.removing.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	begin := time.Now()
	for n := range p.subs.RemoveEach(c) {
		if n%removedAtOnce == 0 {
			begin = p.yieldLock(begin)
		}
	}
	p.shares.remove(c)
	p.change.Notify()
}

// yieldLock releases p.mu for twice as long as it was held since begin, and
// returns when it was taken again. Without the pause a waiting goroutine would
// not get the lock, because a sync.Mutex favors the goroutine that is running.
func (p *Pub) yieldLock(begin time.Time) time.Time {
	pause := min(2*time.Since(begin), maxYield)
	p.mu.Unlock()
	if !p.shut.Load() {
		time.Sleep(pause)
	}
	p.mu.Lock()
	return time.Now()
}

// countOf returns how many subscriptions c has.
func (p *Pub) countOf(c *link.Conn) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.subs.Count(c)
}
