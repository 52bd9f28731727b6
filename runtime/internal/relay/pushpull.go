package relay

import (
	"context"
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// pushPull is a PULL for ventilators and a PUSH for workers.
type pushPull struct {
	forwarder
	pull *socket.Pull
	push *socket.Push
}

// NewPushPull returns a relay for tasks, or for results.
func NewPushPull(cfg Config) Relay {
	r := &pushPull{
		pull: socket.NewPull(cfg.side(zmtp.Pull, handshake.RoleVentilator, handshake.RoleResults), socket.FixedWindow(window)),
		push: socket.NewPush(cfg.side(zmtp.Push, handshake.RoleWorker, handshake.RoleSink)),
	}
	r.init(&cfg, r.pull, r.push)
	return r
}

func (r *pushPull) Links() (front, back *link.Group) { return r.pull.Links(), r.push.Links() }

func (r *pushPull) Start() { r.start(func(*passing) bool { return true }) }

// Close accepts no more tasks, and waits until all accepted ones were sent to
// workers.
func (r *pushPull) Close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, r.giveUp)
	defer stop()
	err := r.pull.Drain(ctx)
	r.wait()
	r.giveUp()
	if r.dropped.Load() > r.refused.Load() {
		err = errors.Join(err, ErrLeft)
	}
	return errors.Join(err, r.push.Shutdown(ctx))
}
