package subscription

import (
	"math/rand/v2"
	"sync/atomic"
)

// A source is a publisher on one connection. Any peer that knows a publisher's id
// can announce it on another connection, with numbers that make the publisher's own
// look old. So an id belongs to the first connection on which it is seen, until
// that connection is closed; on any other connection it counts as another
// publisher.
type source struct {
	conn publisherConn
	as   uint64 // the publisher that its messages count for
	// before is the highest position on the connection that this one replaces, if
	// both belong to the same publisher. A live message has a higher one.
	before uint64
	high   atomic.Uint64 // the highest position of its messages
}

// A stranger is a publisher's id on a connection to which it does not belong.
type stranger struct {
	publisher uint64
	conn      publisherConn
}

// record records that a message of a publisher came on c, and returns its source.
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

// renew handles a source whose live messages are older than those of the connection
// that it replaced, which therefore belonged to another publisher: it returns the
// source that the messages now count for.
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

// shrinkSources forgets the ids of closed connections, or, if there are none, the
// ids of the connection that has the most.
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

// newSource returns an id that nobody has announced or can guess.
func newSource() uint64 { return rand.Uint64() | 1 }

// sameOwner reports whether two connections have the same authenticated peer.
func sameOwner(a, b publisherConn) bool {
	owner := a.Owner()
	return owner != "" && owner == b.Owner()
}
