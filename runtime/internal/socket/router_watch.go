package socket

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// watchEvery is how often the watch looks. When it finds a job running twice it
	// makes another goroutine read the connection. Each look wakes a processor,
	// which slows down calls in progress.
	watchEvery = time.Millisecond
	// watchCool is how many looks without a job end the watch.
	watchCool = 10
)

// A watch replaces readers that run a job for longer than expected. A reader
// reports its job once between two looks, so that the cost of a look grows only
// with the number of connections that have run one since. The watch has a goroutine
// only while there is something to watch. The zero value is ready.
type watch struct {
	looks atomic.Uint64 // how often it has looked

	mu      sync.Mutex
	fresh   []*RouterPeer // readers whose job started since the last look
	running []runningJob  // jobs that the last look found running
	active  bool          // the goroutine runs
}

// A runningJob is a job that was found running.
type runningJob struct {
	peer *RouterPeer
	run  uint64 // the value of peer.inline
}

// started is called by p's reader when it starts a job, after it has set
// inline. If the watch knows p since its last look, the next look sees the job;
// otherwise p is added.
func (w *watch) started(p *RouterPeer) {
	if looks := w.looks.Load() + 1; p.watched.Load() != looks {
		p.watched.Store(looks) // a reader that was just replaced may do so, too
		w.add(p)
	}
}

func (w *watch) add(p *RouterPeer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fresh = append(w.fresh, p)
	if !w.active {
		w.active = true
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
			job.peer.replaceReader(job.run)
		}
		if w.ended(&still) {
			return
		}
	}
}

// ended ends the watch when it has seen no job for watchCool looks; still
// counts them.
func (w *watch) ended(still *int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.fresh)+len(w.running) > 0 {
		*still = 0
	}
	w.active = *still < watchCool
	return !w.active
}

// look appends to stuck the jobs that were running at the last look and still
// are, and keeps those that run now.
func (w *watch) look(stuck []runningJob) []runningJob {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks.Add(1)
	for _, job := range w.running {
		if job.peer.inline.Load() == job.run {
			stuck = append(stuck, job)
		}
	}
	clear(w.running)
	w.running = w.running[:0]
	for _, p := range w.fresh {
		if run := p.inline.Load(); run%2 == 1 {
			w.running = append(w.running, runningJob{p, run})
		}
	}
	clear(w.fresh)
	w.fresh = w.fresh[:0]
	return stuck
}
