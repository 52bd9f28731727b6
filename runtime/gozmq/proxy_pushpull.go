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

// A pushPullRelay is a PULL and a PUSH.
type pushPullRelay struct {
	pull    *socket.Pull
	push    *socket.Push
	capture func(ProxyMessage)

	ctx    context.Context // of Send
	cancel context.CancelFunc
	wg     sync.WaitGroup

	toBack, dropped atomic.Uint64
	holding         atomic.Bool // a task that has not found a place yet
}

func newPushPullRelay(cfg *proxyConfig, o *observer) *pushPullRelay {
	r := &pushPullRelay{
		pull:    socket.NewPull(cfg.side(zmtp.Pull, o), proxyWindow),
		push:    socket.NewPush(cfg.side(zmtp.Push, o)),
		capture: cfg.capture,
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

func (r *pushPullRelay) links() (front, back *link.Group) { return r.pull.Links(), r.push.Links() }

func (r *pushPullRelay) run() { r.wg.Go(r.tasks) }

// tasks passes tasks on until the front is closed and empty.
func (r *pushPullRelay) tasks() {
	var out socket.Frames
	for {
		m, err := r.pull.Recv(context.Background())
		if err != nil {
			return
		}
		out.Parts = m.Frames
		if r.capture != nil {
			r.capture(ProxyMessage{Frames: m.Frames})
		}
		r.holding.Store(true)
		if err := r.push.Send(r.ctx, &out); err != nil {
			r.dropped.Add(1)
		} else {
			r.toBack.Add(1)
		}
		r.holding.Store(false)
		m.Release()
	}
}

// close takes no more, and waits until what was taken is with the workers.
func (r *pushPullRelay) close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, r.cancel)
	defer stop()
	err := r.pull.Drain(ctx)
	r.wg.Wait()
	r.cancel()
	if r.dropped.Load() > 0 {
		err = errors.Join(err, errProxyLeft)
	}
	return errors.Join(err, r.push.Shutdown(ctx))
}

func (r *pushPullRelay) stats() ProxyStats {
	return ProxyStats{ToBack: r.toBack.Load(), Dropped: r.dropped.Load()}
}
