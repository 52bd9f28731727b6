package socket

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An XPub is a Pub that reports which prefixes any peer has subscribed to (RFC
// 29), so that a proxy can subscribe to them itself.
type XPub struct {
	Pub
	onChange func(prefix []byte, subscribed bool)
	max      int // the most prefixes of all peers together

	mu    sync.Mutex // held while a subscription changes and is reported; taken first
	bytes int        // of all prefixes
}

// maxShare bounds the subscriptions of one peer: it may have this fraction (1/8) of
// the total.
const maxShare = 8

// NewXPub returns an xpub socket without peers, whose peers together may hold up to
// maxSubs different prefixes. onChange is called when the first peer subscribes to
// a prefix, and when the last one has canceled it or gone, one call at a time. It
// must not block or keep the prefix. Shutdown must be called.
func NewXPub(cfg link.Config, maxSubs int, onChange func(prefix []byte, subscribed bool)) *XPub {
	x := &XPub{onChange: onChange, max: maxSubs}
	x.init(cfg, max(maxSubs/maxShare, 1), x)
	return x
}

// Missed counts a publication that was too large to pass on, and sends its
// subscribers OVERSIZED. frames are the ones before the frame that exceeds the
// limit.
func (x *XPub) Missed(frames [][]byte, size uint64) {
	var topic []byte
	var flags byte
	if len(frames) > 0 {
		topic, flags = frames[0], zmtp.FlagMore
	}
	var a Audience
	x.Audience(topic, &a)
	first := zmtp.AppendFrame(nil, flags, topic)
	for _, c := range a.conns {
		x.dropped.Add(1)
		sendOversized(c, first, size)
	}
}

// Pass is Send for a message that is passed on. It leaves the writes to g.
func (x *XPub) Pass(a *Audience, m *Frames, g *link.Gathered) {
	for i, c := range a.conns {
		a.conns[i] = nil
		err := x.pass(c, m, g)
		if err == link.ErrFull && g.Write() {
			err = x.pass(c, m, g)
		}
		if err == link.ErrFull {
			x.dropped.Add(1)
			c.Drop()
		}
	}
}

// pass sends a message to a peer, unless it is too large for it.
func (x *XPub) pass(c *link.Conn, m *Frames, g *link.Gathered) error {
	b, err := c.Begin()
	if err != nil {
		return err
	}
	if b, err = appendTo(c, b, m); err != nil {
		frames, _ := m.AppendMessage(nil)
		x.store.keepBack(c, frames)
		return nil
	}
	g.Commit(c, b)
	g.WriteDue()
	return nil
}

// An xpubPeer is one connection of an XPub.
type xpubPeer struct {
	pubPeer
	xpub *XPub
}

// Serve keeps a peer's subscriptions until its connection ends (link.Handler).
func (x *XPub) Serve(c *link.Conn) error {
	p := &xpubPeer{pubPeer: pubPeer{Conn: c, pub: &x.Pub}, xpub: x}
	err := readSubscriptions(c, p)
	c.Close(err)
	x.removePeer(c)
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
	x.onChange(topic, true)
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
		x.onChange(topic, false)
	}
}

// look returns how many prefixes a peer holds, how many peers hold this one,
// and how many prefixes there are.
func (x *XPub) look(c *link.Conn, topic []byte) (held, holders, prefixes int) {
	x.Pub.mu.Lock()
	defer x.Pub.mu.Unlock()
	return x.subs.Count(c), x.subs.Subscribers(topic), x.subs.Len()
}

// removePeer removes every prefix of a peer whose connection has ended.
func (x *XPub) removePeer(c *link.Conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	last := x.heldOnlyBy(c)
	x.forget(c)
	for _, topic := range last {
		x.bytes -= len(topic)
		x.onChange(topic, false)
	}
}

// heldOnlyBy returns the prefixes that no peer but c holds. x.mu is held, so
// that this stays true.
func (x *XPub) heldOnlyBy(c *link.Conn) (list [][]byte) {
	x.Pub.mu.Lock()
	defer x.Pub.mu.Unlock()
	n, begin := 0, time.Now()
	for topic := range x.subs.Held(c) {
		if x.subs.Subscribers(topic) == 1 {
			list = append(list, bytes.Clone(topic))
		}
		if n++; n%removedAtOnce == 0 {
			begin = x.yieldLock(begin)
		}
	}
	return list
}
