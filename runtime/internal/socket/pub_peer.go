package socket

import (
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/throttle"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Bounds on the subscriptions of one peer, in addition to their number.
const (
	maxPrefix      = 1 << 10  // bytes of one subscription
	maxPrefixBytes = 16 << 20 // bytes of all
)

// A pubPeer is one connection of a Pub.
type pubPeer struct {
	*link.Conn
	pub   *Pub
	bytes int // of its subscriptions; used by the reader only

	replays throttle.Bucket
	replay  *replay // the last one; nil: it was counted
}

// Serve keeps a peer's subscriptions until its connection ends (link.Handler).
func (p *Pub) Serve(c *link.Conn) error {
	peer := &pubPeer{Conn: c, pub: p}
	c.OnWritable(func() { p.drain(c) })
	err := readSubscriptions(c, peer)
	c.Close(err)
	p.forget(c)
	p.store.dropBacklog(c)
	return err
}

// A subscriptions handles the subscriptions of one peer. Prefixes are valid
// during the call only; an error ends the connection.
type subscriptions interface {
	subscribe(topic []byte) error
	cancel(topic []byte)
}

// readSubscriptions reads subscriptions from c until it ends, as commands or,
// in ZMTP 3.0, as messages of one frame. It ignores other messages, and topics that
// the peer may not subscribe to: if those ended the connection, the peer would
// reconnect at once.
func readSubscriptions(c *link.Conn, to subscriptions) error {
	pacer := newSubscriptionPacer()
	subscribe := func(topic []byte) error {
		pacer.pace(c, topic, 1)
		if !c.MaySubscribe(topic) {
			return nil
		}
		return to.subscribe(topic)
	}
	cancel := func(topic []byte) { // before the pause, so that a canceled subscription costs nothing during it
		to.cancel(topic)
		pacer.endBurst()
		pacer.pace(c, topic, cancelCost)
	}
	c.Command = func(name, body []byte) error {
		switch string(name) {
		case zmtp.CommandSubscribe:
			return subscribe(body)
		case zmtp.CommandCancel:
			cancel(body)
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
			cancel(frames[0][1:])
		}
	}
}

func (p *pubPeer) subscribe(topic []byte) error {
	if len(topic) > maxPrefix || p.bytes+len(topic) > maxPrefixBytes {
		return fmt.Errorf("peer subscribes to %d bytes after %d, at most %d at once and %d in all are allowed",
			len(topic), p.bytes, maxPrefix, maxPrefixBytes)
	}
	p.pub.store.awaitReplay(p.Conn, nil)
	p.paceReplays()
	added, r, err := p.pub.addSubscription(p.Conn, topic)
	if r != nil {
		p.replay = r
		p.pub.runReplay(p.Conn)
	}
	if added {
		p.bytes += len(topic)
		p.ReportTopic(link.Subscribed, topic, nil)
	}
	return err
}

// paceReplays pauses after too many retained messages were sent to the peer.
func (p *pubPeer) paceReplays() {
	if p.replay == nil {
		return
	}
	s := &p.pub.store
	s.mu.Lock()
	n := p.replay.sent
	s.mu.Unlock()
	p.replay = nil
	if d := p.replays.Take(replayLimit, time.Now(), n); d > 0 {
		p.PauseReading(d)
	}
}

// addSubscription adds a subscription of c, and returns the replay of the retained
// messages under it, which the caller must run; nil if there are none.
func (p *Pub) addSubscription(c *link.Conn, text []byte) (added bool, r *replay, err error) {
	var largest *link.Conn
	var tooMuch error
	defer func() {
		if largest != nil {
			largest.Close(tooMuch)
		}
	}()
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.subs.Count(c) >= p.maxSubs {
		return false, nil, fmt.Errorf("peer has %d subscriptions, no more are allowed (raise the limit with WithMaxSubscriptions)", p.maxSubs)
	}
	r = p.beginReplay(c, text)
	if added = p.subs.Add(text, c); added {
		largest, tooMuch = p.shares.add(c, text)
	}
	p.change.Notify()
	return added, r, nil
}

func (p *pubPeer) cancel(topic []byte) {
	p.pub.store.awaitReplay(p.Conn, topic)
	p.pub.mu.Lock()
	removed := p.pub.subs.Remove(topic, p.Conn)
	if removed {
		p.pub.shares.cancel(p.Conn, topic)
	}
	p.pub.change.Notify()
	p.pub.mu.Unlock()
	if removed {
		p.bytes -= len(topic)
		p.ReportTopic(link.Unsubscribed, topic, nil)
	}
}
