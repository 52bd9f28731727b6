package socket

import (
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Bounds on what one peer may subscribe to, beside the number.
const (
	maxPrefix      = 1 << 10  // bytes of one subscription
	maxPrefixBytes = 16 << 20 // bytes of all
)

// A pubPeer is one connection of a Pub.
type pubPeer struct {
	*link.Conn
	pub   *Pub
	bytes int // of its subscriptions; used by the reader only
}

// Serve keeps a peer's subscriptions until its connection ends (link.Handler).
func (p *Pub) Serve(c *link.Conn) error {
	peer := &pubPeer{Conn: c, pub: p}
	c.Writable = func() { p.drain(c) }
	err := readSubscriptions(c, peer)
	c.Close(err)
	p.forget(c)
	p.store.dropBacklog(c)
	return err
}

// A subscriptions handles the subscriptions of one peer. Prefixes are valid during the
// call only; an error ends the connection.
type subscriptions interface {
	subscribe(topic []byte) error
	cancel(topic []byte)
}

// readSubscriptions reads subscriptions from c until it ends, as commands or, in ZMTP
// 3.0, as messages of one frame. It ignores other messages, and topics that the peer may
// not subscribe to: if these ended the connection, the peer would come back at once.
func readSubscriptions(c *link.Conn, to subscriptions) error {
	var pacer subscriptionPacer
	subscribe := func(topic []byte) error {
		pacer.pace(c, topic)
		if !c.MaySubscribe(topic) {
			return nil
		}
		return to.subscribe(topic)
	}
	c.Command = func(name, body []byte) error {
		switch string(name) {
		case zmtp.CommandSubscribe:
			return subscribe(body)
		case zmtp.CommandCancel:
			pacer.pace(c, body)
			to.cancel(body)
		}
		return nil
	}
	c.Ready()
	for {
		frames, err := c.Next()
		switch {
		case err != nil:
			return err
		case len(frames) != 1 || len(frames[0]) == 0:
		case frames[0][0] == 1:
			if err := subscribe(frames[0][1:]); err != nil {
				return err
			}
		case frames[0][0] == 0:
			pacer.pace(c, frames[0][1:])
			to.cancel(frames[0][1:])
		}
	}
}

func (p *pubPeer) subscribe(topic []byte) error {
	if len(topic) > maxPrefix || p.bytes+len(topic) > maxPrefixBytes {
		return fmt.Errorf("peer subscribes to %d bytes after %d, at most %d at once and %d in all are allowed",
			len(topic), p.bytes, maxPrefix, maxPrefixBytes)
	}
	p.pub.store.awaitReplay(p.Conn, nil)
	added, err := p.pub.subscribe(p.Conn, topic)
	if added {
		p.bytes += len(topic)
		p.ReportTopic(link.Subscribed, topic, nil)
	}
	return err
}

// subscribe adds a subscription of c, and sends the retained messages under it.
func (p *Pub) subscribe(c *link.Conn, text []byte) (added bool, err error) {
	added, replays, err := p.addSubscription(c, text)
	if replays {
		p.runReplay(c)
	}
	return added, err
}

// addSubscription adds a subscription of c, and reports whether a replay has begun.
func (p *Pub) addSubscription(c *link.Conn, text []byte) (added, replays bool, err error) {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.subs.Count(c) >= p.maxSubs {
		return false, false, fmt.Errorf("peer has %d subscriptions, no more are allowed (raise the limit with WithMaxSubscriptions)", p.maxSubs)
	}
	replays = p.beginReplay(c, text)
	added = p.subs.Add(text, c)
	p.change.Notify()
	return added, replays, nil
}

func (p *pubPeer) cancel(topic []byte) {
	p.pub.store.awaitReplay(p.Conn, topic)
	p.pub.mu.Lock()
	removed := p.pub.subs.Remove(topic, p.Conn)
	p.pub.change.Notify()
	p.pub.mu.Unlock()
	if removed {
		p.bytes -= len(topic)
		p.ReportTopic(link.Unsubscribed, topic, nil)
	}
}
