package subscription

import (
	"math/rand/v2"
	"sync/atomic"
)

// A source is a publisher on one connection. Whoever knows a publisher's id can
// announce it on another connection, with numbers that make the publisher's own
// look old. So an id is that of the first connection on which it is heard, until
// that is closed; on any other one it stands for another publisher.
type source struct {
	conn publisherConn
	as   uint64 // the publisher whose messages these are taken for
	// before is the position up to which messages came from the connection that
	// this one replaces, if it is what that said. A live message has a later
	// one.
	before uint64
	high   atomic.Uint64 // the position up to which messages came
}

// A stranger is a publisher's id on a connection that it is not taken for.
type stranger struct {
	publisher uint64
	conn      publisherConn
}

// record takes note that a message of a publisher came over c, and returns whose
// it is.
func (p *publisherConns) record(publisher uint64, c publisherConn) *source {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sourceOf(publisher, c)
	p.place(s)
	return s
}

// sourceOf is record; p.mu is held.
func (p *publisherConns) sourceOf(publisher uint64, c publisherConn) *source {
	own := p.sources[publisher]
	if own != nil && own.conn == c {
		return own
	}
	free := own == nil || own.conn.Err() != nil
	other := stranger{publisher, c}
	if s := p.strangers[other]; s != nil && !free {
		return s
	}
	delete(p.strangers, other)
	s := &source{conn: c}
	switch {
	case own == nil:
		s.as = publisher
	case sameOwner(own.conn, c):
		s.as = own.as
	case free:
		s.as, s.before = own.as, own.high.Load()
	default:
		s.as = newSource()
		if len(p.strangers) >= maxPublishers {
			clear(p.strangers)
		}
		if p.strangers == nil {
			p.strangers = make(map[stranger]*source)
		}
		p.strangers[other] = s
		return s
	}
	p.keep(publisher, s)
	return s
}

// renew returns what a source is taken for that sends live messages which are
// older than those of the connection that it replaced: that had not been its
// own.
func (p *publisherConns) renew(publisher uint64, s *source) *source {
	p.mu.Lock()
	defer p.mu.Unlock()
	again := &source{conn: s.conn, as: newSource()}
	p.keep(publisher, again)
	p.place(again)
	return again
}

// keep makes s the source of a publisher's id; p.mu is held.
func (p *publisherConns) keep(publisher uint64, s *source) {
	if p.sources == nil {
		p.sources = make(map[uint64]*source)
	}
	if p.sources[publisher] == nil && len(p.sources) >= maxPublishers {
		p.shrinkSources()
	}
	p.sources[publisher] = s
}

// shrinkSources forgets the ids of closed connections, or if there are none
// those of the connection that has the most.
func (p *publisherConns) shrinkSources() {
	ids := make(map[publisherConn]int)
	var most publisherConn
	for publisher, s := range p.sources {
		if s.conn.Err() != nil {
			delete(p.sources, publisher)
			continue
		}
		if ids[s.conn]++; most == nil || ids[s.conn] > ids[most] {
			most = s.conn
		}
	}
	if len(p.sources) < maxPublishers {
		return
	}
	for publisher, s := range p.sources {
		if s.conn == most {
			delete(p.sources, publisher)
		}
	}
}

// newSource returns what nobody has announced and can guess.
func newSource() uint64 { return rand.Uint64() | 1 }

// sameOwner reports whether two connections are proved to be of the same peer.
func sameOwner(a, b publisherConn) bool {
	owner := a.Owner()
	return owner != "" && owner == b.Owner()
}
