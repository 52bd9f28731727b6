package gozmq

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

const (
	// proxyWindow is how many messages of one peer a proxy reads ahead.
	proxyWindow = 256
	// proxyFrames is how many frames a request may have. It is less than what a
	// server takes, as each proxy on the way adds one.
	proxyFrames = 512
	// proxyEnvelope is what the other frames of a request may take beside a body
	// of the largest size; less than what a server takes, too.
	proxyEnvelope = 32 << 10
)

// A reqRepRelay is a ROUTER and a DEALER.
type reqRepRelay struct {
	router  *socket.ProxyRouter
	dealer  *socket.ProxyDealer
	capture func(ProxyMessage)
	limit   int

	ctx    context.Context // of Send
	cancel context.CancelFunc
	wg     sync.WaitGroup

	toBack, toFront, unroutable, dropped atomic.Uint64
}

func newReqRepRelay(cfg *proxyConfig, o *observer) *reqRepRelay {
	r := &reqRepRelay{capture: cfg.capture, limit: cfg.MaxMessageSize + proxyEnvelope}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.router = socket.NewProxyRouter(cfg.side(zmtp.Router, o), proxyWindow)
	r.dealer = socket.NewProxyDealer(cfg.side(zmtp.Dealer, o), r)
	return r
}

func (r *reqRepRelay) links() (front, back *link.Group) { return r.router.Links(), r.dealer.Links() }

func (r *reqRepRelay) run() { r.wg.Go(r.requests) }

// requests passes requests on, one at a time, so that the turns of clients and
// servers are kept.
func (r *reqRepRelay) requests() {
	var out socket.Frames
	for {
		m, route, err := r.router.Recv(r.ctx, out.Route[:0])
		if err != nil {
			return
		}
		out.Route, out.Parts = route, m.Frames
		if len(m.Frames) > 1 || len(m.Frames[0]) > 0 { // else it is libzmq's ZMQ_PROBE_ROUTER: asks for nothing
			r.request(m, &out)
		}
		m.Release()
	}
}

func (r *reqRepRelay) request(m socket.Received, out *socket.Frames) {
	if size := out.Size(); len(m.Frames) > proxyFrames || size > r.limit {
		r.dropped.Add(1)
		m.Malformed("request of %d frames and %d bytes cannot be passed on: at most %d and %d are allowed", len(m.Frames), size, proxyFrames, r.limit)
		return
	}
	if r.capture != nil {
		r.capture(ProxyMessage{Frames: m.Frames})
	}
	if err := r.dealer.Send(r.ctx, out); err != nil {
		r.dropped.Add(1)
		return
	}
	r.toBack.Add(1)
}

// Receive passes replies on (socket.BatchReceiver).
func (r *reqRepRelay) Receive(_ *link.Conn, b *link.Batch) {
	for i := range b.Len() {
		frames := b.Message(i)
		if len(frames) == 1 && len(frames[0]) == 0 {
			continue // a probe
		}
		if r.capture != nil && len(frames) > 1 {
			r.capture(ProxyMessage{ToFront: true, Frames: frames[1:]})
		}
		switch err := r.router.Reply(frames); {
		case err == nil:
			r.toFront.Add(1)
		case errors.Is(err, socket.ErrUnroutable):
			r.unroutable.Add(1)
		default:
			r.dropped.Add(1)
		}
	}
}

// close gives up requests that no server has room for: their callers are going
// to be disconnected.
func (r *reqRepRelay) close(ctx context.Context) error {
	r.cancel()
	r.wg.Wait()
	return errors.Join(r.dealer.Shutdown(ctx), r.router.Shutdown(ctx))
}

func (r *reqRepRelay) stats() ProxyStats {
	return ProxyStats{ToBack: r.toBack.Load(), ToFront: r.toFront.Load(), Unroutable: r.unroutable.Load(), Dropped: r.dropped.Load()}
}
