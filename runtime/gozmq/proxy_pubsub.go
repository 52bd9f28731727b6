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

// A pubSubRelay is an XSUB and an XPUB.
type pubSubRelay struct {
	sub     *socket.Sub
	pub     *socket.XPub
	capture func(ProxyMessage)
	unread  int // bytes of subscriptions that may wait for a publisher

	toBack atomic.Uint64
}

// unreadSubscriptions is more than all prefixes that a proxy may hold take on
// the wire, when each subscription takes unreadSubscription bytes beside its
// prefix.
const (
	unreadSubscriptions = 20 << 20
	unreadSubscription  = 32
)

func newPubSubRelay(cfg *proxyConfig, o *observer) *pubSubRelay {
	r := &pubSubRelay{capture: cfg.capture, unread: unreadSubscriptions + unreadSubscription*cfg.maxSubscriptions}
	r.sub = socket.NewSub(cfg.side(zmtp.XSub, o), r)
	r.pub = socket.NewXPub(cfg.side(zmtp.XPub, o), cfg.maxSubscriptions, r.subscribe)
	return r
}

func (r *pubSubRelay) links() (front, back *link.Group) { return r.sub.Links(), r.pub.Links() }

func (r *pubSubRelay) run() {}

var errSubscriptionsUnread = errors.New("the publisher does not read its subscriptions")

// subscribe passes a subscription on to the publishers. One that does not read
// them is disconnected: subscribers, who can change their minds without end,
// must not fill the memory. When it connects again it is told all.
func (r *pubSubRelay) subscribe(prefix []byte, subscribed bool) {
	if subscribed {
		r.sub.Subscribe(prefix)
	} else {
		r.sub.Cancel(prefix)
	}
	r.sub.Links().Each(func(c *link.Conn) {
		if c.Queued() > r.unread {
			c.Close(errSubscriptionsUnread)
		}
	})
}

// A relayed is what passing a publication on takes; it is used again.
type relayed struct {
	audience socket.Audience
	out      socket.Frames
	frames   []byte
}

var relays = sync.Pool{New: func() any { return new(relayed) }}

// Receive passes publications on (socket.BatchReceiver).
func (r *pubSubRelay) Receive(_ *link.Conn, b *link.Batch) {
	p := relays.Get().(*relayed)
	for i := range b.Len() {
		frames := b.Message(i)
		if !r.pub.Audience(frames[0], &p.audience) {
			continue
		}
		if r.capture != nil {
			r.capture(ProxyMessage{Frames: frames})
		}
		p.out.Parts = frames
		p.frames, _ = p.out.AppendMessage(p.frames[:0])
		r.pub.Send(&p.audience, p.frames)
		r.toBack.Add(1)
	}
	p.out.Parts = nil
	if cap(p.frames) <= maxKeptRelayed {
		relays.Put(p)
	}
}

// maxKeptRelayed is the largest buffer that is used again.
const maxKeptRelayed = 64 << 10

func (r *pubSubRelay) close(ctx context.Context) error {
	return errors.Join(r.sub.Shutdown(ctx), r.pub.Shutdown(ctx))
}

func (r *pubSubRelay) stats() ProxyStats {
	return ProxyStats{ToBack: r.toBack.Load(), Dropped: r.pub.Dropped()}
}
