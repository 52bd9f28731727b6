package socket

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Job is a request that was read and is now to be carried out.
type Job interface {
	// Run carries the request out and answers it through the RouterPeer that
	// it was received from.
	Run()
	// Refuse answers the request without carrying it out: the router stops.
	Refuse()
	// Pace returns what is known of how long jobs of this kind run.
	Pace() *Pace
}

// A Receiver is what stands above a Router.
type Receiver interface {
	// Receive decodes one request. The frames are valid during the call only,
	// the order is that of arrival. It returns nil when there is nothing to
	// run: the request was malformed, or has been answered already.
	Receive(p *RouterPeer, frames [][]byte) Job
	// TooLarge answers a request that is larger than the connection's limit, of
	// which frames are what comes before the frame that goes beyond it. They are
	// valid during the call only; the rest is passed over. It returns false when
	// there is nobody to answer; that ends the connection.
	TooLarge(p *RouterPeer, frames [][]byte, err *zmtp.SizeError) bool
}

// A Router takes requests from its peers and sends each answer back to where
// its request came from (RFC 28). The goroutine that read a request runs it. Before
// it does so it sees to it that another one reads on, unless the job is of a
// kind that has been quick: then reading waits for it, and a watch sees to it
// that it does not wait long.
type Router struct {
	group    *link.Group
	receiver Receiver
	base     context.Context // of the peers' contexts
	readers  sync.WaitGroup  // goroutines that are or wait to be a reader

	mu       sync.Mutex
	idle     []chan *RouterPeer // of those that wait to be one
	running  int                // jobs
	draining bool
	drained  chan struct{} // closed when draining and nothing runs
	watch    watch
}

// maxIdleReaders is how many goroutines are kept for the next request.
const maxIdleReaders = 64

// NewRouter returns a router without peers, whose contexts derive from base.
// Shutdown must be called.
func NewRouter(base context.Context, cfg link.Config, r Receiver) *Router {
	cfg.PassOver = true
	cfg.Detachable = true // a job may keep Serve from returning
	router := &Router{receiver: r, base: base, drained: make(chan struct{})}
	router.group = link.NewGroup(cfg, router)
	return router
}

// Links returns the router's connections.
func (r *Router) Links() *link.Group { return r.group }

// start counts a job. It returns false when no more jobs are to run.
func (r *Router) start() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return false
	}
	r.running++
	return true
}

// promote makes another goroutine p's reader: one that waits for work, else a
// new one. A job is running, so the router is not done.
func (r *Router) promote(p *RouterPeer) {
	r.mu.Lock()
	n := len(r.idle)
	if n == 0 {
		r.readers.Go(func() { r.follow(p) })
		r.mu.Unlock()
		return
	}
	ch := r.idle[n-1]
	r.idle = r.idle[:n-1]
	r.mu.Unlock()
	ch <- p
}

func (r *Router) finish() {
	r.mu.Lock()
	r.running--
	if r.draining && r.running == 0 {
		close(r.drained)
	}
	r.mu.Unlock()
}

// follow reads p, and then whatever connection needs a reader, until enough
// others are waiting to do so.
func (r *Router) follow(p *RouterPeer) {
	ch := make(chan *RouterPeer, 1)
	for p != nil {
		p.read()
		r.mu.Lock()
		if len(r.idle) >= maxIdleReaders || r.draining {
			r.mu.Unlock()
			return
		}
		r.idle = append(r.idle, ch)
		r.mu.Unlock()
		p = <-ch
	}
}

// Drain stops accepting, has what is read from now on refused, and waits until
// every job has run or ctx ends. It must be called once, before Shutdown.
func (r *Router) Drain(ctx context.Context) error {
	r.mu.Lock()
	r.draining = true
	idle := r.idle
	r.idle = nil
	if r.running == 0 {
		close(r.drained)
	}
	r.mu.Unlock()
	for _, ch := range idle {
		ch <- nil
	}
	r.group.StopListening()
	return r.Wait(ctx)
}

// Wait waits, after Drain, until every job has run or ctx ends.
func (r *Router) Wait(ctx context.Context) error {
	select {
	case <-r.drained:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Shutdown closes every connection after its answers have been handed to the
// kernel or ctx has ended, and waits for the jobs that still run. It returns an
// error when some do not return by the end of ctx; they are left behind.
func (r *Router) Shutdown(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		err := r.group.Shutdown(ctx)
		r.readers.Wait()
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(jobGrace):
		return errJobsLeft
	}
}

// jobGrace is how long a job may take to return after its context has ended
// and the time for a shutdown is over.
const jobGrace = 500 * time.Millisecond

var errJobsLeft = errors.New("handlers have not returned although their contexts have ended")
