package socket

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

const (
	// forgottenAtOnce is how many subscriptions are removed while publishing
	// waits.
	forgottenAtOnce = 256
	// forgetRest is the longest pause between two such lots.
	forgetRest = time.Millisecond
)

// forget removes every subscription of c. Publishing comes first, and so does
// the rest of the machine: peers that held many are forgotten one after the
// other, with pauses.
func (p *Pub) forget(c *link.Conn) {
	if p.holds(c) > forgottenAtOnce {
		p.forgetting.Lock()
		defer p.forgetting.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	begin := time.Now()
	for n := range p.subs.RemoveEach(c) {
		if n%forgottenAtOnce == 0 {
			begin = p.giveWay(begin)
		}
	}
	p.change.Notify()
}

// giveWay lets go of p.mu for twice as long as it was held since begin: one who
// waits for it would not get it otherwise, for a sync.Mutex favours who runs. It
// returns when it was taken again.
func (p *Pub) giveWay(begin time.Time) time.Time {
	pause := min(2*time.Since(begin), forgetRest)
	p.mu.Unlock()
	if !p.shut.Load() {
		time.Sleep(pause)
	}
	p.mu.Lock()
	return time.Now()
}

// holds returns how many subscriptions c has.
func (p *Pub) holds(c *link.Conn) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.subs.Count(c)
}
