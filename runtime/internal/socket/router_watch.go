package socket

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// watchEvery is how often the watch looks: a job that is found running
	// twice has its connection read by someone else. Each look wakes a
	// processor, which disturbs a call that is under way.
	watchEvery = time.Millisecond
	// watchCool is how many looks without a job end the watch.
	watchCool = 10
)

// A watch frees connections whose reader runs a job that takes longer than
// expected. Readers tell it that they run one, once between two looks, so that
// a look costs as much as there are connections that have run any since. It has
// a goroutine only while there is something to watch. The zero value is ready.
type watch struct {
	looks atomic.Uint64 // how often it has looked

	mu      sync.Mutex
	fresh   []*RouterPeer // have run a job since the last look
	running []runningJob  // were found running one then
	awake   bool          // the goroutine is there
}

// A runningJob is a job that was found running.
type runningJob struct {
	peer *RouterPeer
	turn uint64 // of peer.inline
}

// begin is told that p's reader runs a job from now on, after inline says so.
// Either it sees that the watch has looked since it was told of p, or the next
// look sees the job.
func (w *watch) begin(p *RouterPeer) {
	if looks := w.looks.Load() + 1; p.seen.Load() != looks {
		p.seen.Store(looks) // a reader that has lost the role just now may do so, too
		w.add(p)
	}
}

func (w *watch) add(p *RouterPeer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fresh = append(w.fresh, p)
	if !w.awake {
		w.awake = true
		p.router.readers.Go(w.run)
	}
}

func (w *watch) run() {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	var stuck []runningJob
	for still := 0; ; still++ {
		<-t.C
		if stuck = w.look(stuck[:0]); len(stuck) > 0 {
			still = 0
		}
		for _, job := range stuck {
			job.peer.free(job.turn)
		}
		if w.ended(&still) {
			return
		}
	}
}

// ended ends the watch when it has seen no job for long enough; still counts
// the looks since it saw one.
func (w *watch) ended(still *int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.fresh)+len(w.running) > 0 {
		*still = 0
	}
	w.awake = *still < watchCool
	return !w.awake
}

// look appends to stuck the jobs that were running at the last look and still
// are, and notes those that run now.
func (w *watch) look(stuck []runningJob) []runningJob {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks.Add(1)
	for _, job := range w.running {
		if job.peer.inline.Load() == job.turn {
			stuck = append(stuck, job)
		}
	}
	clear(w.running)
	w.running = w.running[:0]
	for _, p := range w.fresh {
		if turn := p.inline.Load(); turn%2 == 1 {
			w.running = append(w.running, runningJob{p, turn})
		}
	}
	clear(w.fresh)
	w.fresh = w.fresh[:0]
	return stuck
}
