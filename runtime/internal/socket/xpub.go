package socket

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// An XPub is a Pub that tells which prefixes are subscribed to by anyone
// (RFC 29), so that a proxy can subscribe to them in turn.
type XPub struct {
	*Pub
	notify func(prefix []byte, subscribed bool)
	max    int // prefixes of all peers

	mu    sync.Mutex // held while a subscription changes and is told
	bytes int        // of all prefixes
}

// maxShare is how much of what all peers may subscribe to one of them may, as a
// divisor.
const maxShare = 8

// NewXPub returns an xpub socket without peers, whose peers may hold at most
// that many different prefixes together. notify is called when a prefix is
// subscribed to by the first peer and when the last has given it up or gone, one
// call at a time; it must not block and not keep the prefix. Shutdown must be
// called.
func NewXPub(cfg link.Config, maxSubs int, notify func(prefix []byte, subscribed bool)) *XPub {
	x := &XPub{Pub: &Pub{maxSubs: max(maxSubs/maxShare, 1)}, notify: notify, max: maxSubs}
	x.group = link.NewGroup(cfg, x)
	return x
}

// An xpubPeer is one connection of an XPub.
type xpubPeer struct {
	pubPeer
	xpub *XPub
}

// Serve keeps a peer's subscriptions until its connection ends (link.Handler).
func (x *XPub) Serve(c *link.Conn) error {
	p := &xpubPeer{pubPeer: pubPeer{Conn: c, pub: x.Pub}, xpub: x}
	err := readSubscriptions(c, p)
	c.Close(err)
	x.leave(c)
	return err
}

func (p *xpubPeer) subscribe(topic []byte) error {
	x := p.xpub
	x.mu.Lock()
	defer x.mu.Unlock()
	if p.bytes+len(topic) > maxPrefixBytes/maxShare {
		return fmt.Errorf("peer subscribes to %d bytes after %d, at most %d are allowed", len(topic), p.bytes, maxPrefixBytes/maxShare)
	}
	before, _, _ := x.look(p.Conn, topic)
	if err := p.pubPeer.subscribe(topic); err != nil {
		return err
	}
	after, holders, prefixes := x.look(p.Conn, topic)
	if after == before || holders > 1 {
		return nil
	}
	if prefixes > x.max || x.bytes+len(topic) > maxPrefixBytes {
		p.pubPeer.cancel(topic)
		return fmt.Errorf("the subscribers of this proxy hold %d prefixes of %d bytes, no more are allowed (raise the number with WithMaxSubscriptions)", prefixes-1, x.bytes)
	}
	x.bytes += len(topic)
	x.notify(topic, true)
	return nil
}

func (p *xpubPeer) cancel(topic []byte) {
	x := p.xpub
	x.mu.Lock()
	defer x.mu.Unlock()
	before, _, _ := x.look(p.Conn, topic)
	p.pubPeer.cancel(topic)
	if after, holders, _ := x.look(p.Conn, topic); after < before && holders == 0 {
		x.bytes -= len(topic)
		x.notify(topic, false)
	}
}

// look returns how many prefixes a peer holds, how many peers hold this one, and
// how many prefixes there are.
func (x *XPub) look(c *link.Conn, topic []byte) (held, holders, prefixes int) {
	x.Pub.mu.Lock()
	defer x.Pub.mu.Unlock()
	return x.subs.Count(c), x.subs.Subscribers(topic), x.subs.Len()
}

// leave gives up every prefix of a peer that is gone.
func (x *XPub) leave(c *link.Conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	last := x.onlyBy(c)
	x.forget(c)
	for _, topic := range last {
		x.bytes -= len(topic)
		x.notify(topic, false)
	}
}

// onlyBy returns the prefixes that no one but c holds, which stays so while x.mu
// is held.
func (x *XPub) onlyBy(c *link.Conn) (list [][]byte) {
	x.Pub.mu.Lock()
	defer x.Pub.mu.Unlock()
	n, begin := 0, time.Now()
	for topic := range x.subs.Held(c) {
		if x.subs.Subscribers(topic) == 1 {
			list = append(list, bytes.Clone(topic))
		}
		if n++; n%forgottenAtOnce == 0 {
			begin = x.giveWay(begin)
		}
	}
	return list
}
