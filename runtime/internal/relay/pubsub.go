package relay

import (
	"context"
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// pubSub is an XSUB for publishers and an XPUB for subscribers.
type pubSub struct {
	counters
	sub     *socket.Sub
	pub     *socket.XPub
	capture func(toFront bool, frames [][]byte)
	unread  int // bytes of subscriptions that may wait for a publisher
}

const (
	// UnreadSubscriptions is how many bytes of subscriptions may wait for one
	// publisher, in addition to unreadSubscription for each one that the relay may
	// hold. It is more than all their prefixes take on the wire.
	UnreadSubscriptions = 20 << 20
	unreadSubscription  = 32
)

// NewPubSub returns a relay for publications.
func NewPubSub(cfg Config) Relay {
	r := &pubSub{capture: cfg.Capture, unread: UnreadSubscriptions + unreadSubscription*cfg.MaxSubscriptions}
	r.sub = socket.NewSub(cfg.side(zmtp.XSub, handshake.RolePublisher), r)
	r.pub = socket.NewXPub(cfg.side(zmtp.XPub, handshake.RoleSubscriber), cfg.MaxSubscriptions, r.subscribe)
	return r
}

func (r *pubSub) Links() (front, back *link.Group) { return r.sub.Links(), r.pub.Links() }

// Start does nothing: publications are passed on in the connections' goroutines.
func (r *pubSub) Start() {}

// ErrSubscriptionsUnread is why a publisher is disconnected that does not read
// what its subscribers ask for.
var ErrSubscriptionsUnread = errors.New("the publisher does not read its subscriptions")

// subscribe passes a subscription on to the publishers. It disconnects a publisher
// that does not read them, because subscribers, which can subscribe and cancel
// endlessly, must not fill the memory. When the publisher connects again it gets
// all subscriptions.
func (r *pubSub) subscribe(prefix []byte, subscribed bool) {
	if subscribed {
		r.sub.Subscribe(prefix)
	} else {
		r.sub.Cancel(prefix)
	}
	r.sub.Links().Each(func(c *link.Conn) {
		if c.Queued() > r.unread {
			c.Close(ErrSubscriptionsUnread)
		}
	})
}

// Receive passes publications on (socket.BatchReceiver).
func (r *pubSub) Receive(_ *link.Conn, b *link.Batch) {
	p := passings.Get().(*passing)
	defer p.end()
	for i := range b.Len() {
		frames := b.Message(i)
		if !r.pub.Audience(frames[0], &p.audience) {
			continue
		}
		if r.capture != nil {
			r.capture(false, frames)
		}
		p.out.Parts = frames
		r.pub.Pass(&p.audience, &p.out, &p.gathered)
		r.toBack.Add(1)
	}
}

// TooLarge sends subscribers OVERSIZED for a publication that the proxy has skipped
// (socket.OversizedReceiver).
func (r *pubSub) TooLarge(_ *link.Conn, frames [][]byte, err *zmtp.SizeError) {
	r.pub.Missed(frames, err.Size)
}

func (r *pubSub) Close(ctx context.Context) error {
	return errors.Join(r.sub.Shutdown(ctx), r.pub.Shutdown(ctx))
}

// Stats returns the counters (Relay).
func (r *pubSub) Stats() Stats {
	s := r.counters.Stats()
	s.Dropped = r.pub.Dropped()
	return s
}
