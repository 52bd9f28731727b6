package gozmq

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

type subscriptionRule func(p *Peer, prefix []byte) error

func (o subscriptionRule) set(c *socketConfig) {
	c.Subscribe = func(conn *link.Conn, topic []byte) error { return o(peerOf(conn), topic) }
	if o == nil {
		c.errs = append(c.errs, errors.New("WithSubscriptionRule: the function is nil"))
	}
}

func (o subscriptionRule) applyPublisher(c *publisherConfig) { o.set(&c.socketConfig) }
func (o subscriptionRule) applyProxy(c *proxyConfig)         { o.set(&c.socketConfig) }

// WithSubscriptionRule calls f to decide whether a peer may subscribe to a
// prefix, that is, to all topics that begin with it; "" stands for all topics.
// An error or a panic refuses that one subscription: nothing is sent for it,
// the connection and the peer's other subscriptions stay, and the event handler
// gets the error (EventSubscriptionRefused). The peer does not learn of it,
// because PUB/SUB has no message for that. prefix is valid during the call
// only. f is called from many goroutines at once and must return soon.
func WithSubscriptionRule(f func(p *Peer, prefix []byte) error) PublishOption {
	return subscriptionRule(f)
}
