package socket

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Job is a request that was read and must be carried out.
type Job interface {
	// Run carries out the request and answers it through the RouterPeer that it
	// came from.
	Run()
	// Refuse answers the request without carrying it out, because the router is
	// stopping.
	Refuse()
	// Pace returns the measure of how long jobs of this kind run.
	Pace() *Pace
}

// A Receiver decodes the requests of a Router.
type Receiver interface {
	// Receive decodes one request, in the order of arrival. The frames are
	// valid during the call only. It returns nil when there is nothing to run,
	// because the request was malformed or has already been answered; or Handled,
	// for a message of a stream that was accepted or came too late.
	Receive(p *RouterPeer, frames [][]byte) Job
	// TooLarge answers a request that is larger than the connection's limit.
	// The frames are the ones before the frame that exceeds it, and are valid
	// during the call only; the remaining bytes are skipped. It returns false when
	// they do not identify the call; that ends the connection.
	TooLarge(p *RouterPeer, frames [][]byte, err *zmtp.SizeError) bool
}

// Handled is the Job of a message that needs no further work.
var Handled Job = handled{}

type handled struct{}

func (handled) Run()        {}
func (handled) Refuse()     {}
func (handled) Pace() *Pace { return new(Pace) }

// A Router receives requests from its peers and sends each answer back to the
// peer that its request came from (RFC 28). The goroutine that read a request
// runs its job. Before that it makes another goroutine the reader (leader and
// followers), unless jobs of this kind have been quick: then reading waits for
// the job, and a watch bounds that wait.
type Router struct {
	group    *link.Group
	receiver Receiver
	base     context.Context // of the peers' contexts
	readers  sync.WaitGroup  // goroutines that read or wait to read
	windows  *stream.Budget  // for the windows of all streams
	unread   *stream.Budget  // for their unreceived messages beyond their windows

	mu       sync.Mutex
	idle     []chan *RouterPeer // of readers that wait for a peer
	running  int                // jobs
	draining bool
	drained  chan struct{} // closed when draining and nothing runs
	watch    watch
}

// maxIdleReaders is how many goroutines wait to become a reader.
const maxIdleReaders = 64

// NewRouter returns a router without peers, whose contexts derive from base.
// Shutdown must be called.
func NewRouter(base context.Context, cfg link.Config, r Receiver) *Router {
	cfg.PassOver = true
	cfg.Detachable = true // a job may keep Serve from returning
	router := &Router{receiver: r, base: base, drained: make(chan struct{}), windows: stream.NewBudget(windowBudget)}
	router.unread = stream.NewBudget(max(windowBudget, 4*int64(cfg.MaxMessageSize)))
	router.group = link.NewGroup(cfg, router)
	return router
}

// Links returns the router's connections.
func (r *Router) Links() *link.Group { return r.group }

// start counts a job of p. It returns false when the router drains.
func (r *Router) start(p *RouterPeer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return false
	}
	r.running++
	p.running++
	return true
}

// promote makes another goroutine p's reader, an idle one if there is any. It must
// be called while a job runs, so that Drain has not returned.
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

func (r *Router) finish(p *RouterPeer) {
	r.mu.Lock()
	r.running--
	p.running--
	if r.draining && r.running == 0 {
		close(r.drained)
	}
	r.mu.Unlock()
}

// follow reads p, and then other connections that need a reader, until there
// are enough idle readers.
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

// Drain stops accepting connections, refuses requests that are read from now
// on, and waits until every job has run or ctx ends. It must be called once,
// before Shutdown.
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
	r.group.Each(goodbye)
	return r.Wait(ctx)
}

// goodbye sends GOODBYE to a peer that announces X-Gozmq: the router accepts no
// more requests from it. It may be called several times.
func goodbye(c *link.Conn) {
	if !c.Gozmq() {
		return
	}
	if b, err := c.BeginForced(); err == nil {
		c.CommitCommand(zmtp.AppendCommand(b, zmtp.CommandGoodbye))
	}
}

// Part returns when the peer has read the GOODBYE, and every request that it had
// sent before has been read and refused (link.Parter). So a peer that sends
// requests while the router stops gets an answer to each. It does nothing for a
// peer that does not announce X-Gozmq.
func (r *Router) Part(ctx context.Context, c *link.Conn) {
	if c.Gozmq() {
		goodbye(c) // again: the handshake may have ended after Drain
		_ = c.Sync(ctx)
	}
}

// Wait waits, after Drain, until every job has run. If ctx ends first, or has
// already ended, it returns ctx's error only when jobs still run.
func (r *Router) Wait(ctx context.Context) error {
	if !notify.Wait(ctx, r.drained) {
		return context.Cause(ctx)
	}
	return nil
}

// Shutdown hands queued answers to the kernel until ctx ends, closes every
// connection, and waits for the jobs that still run. It returns an error, and
// leaves them running, when some have not returned by the end of ctx.
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
	}
	select {
	case err := <-done: // it came too, while this process stood still
		return err
	default:
		return errJobsLeft
	}
}

// jobGrace is how long a job may take to return after its context and that of
// Shutdown have ended.
const jobGrace = 500 * time.Millisecond

var errJobsLeft = errors.New("handlers have not returned although their contexts have ended")
