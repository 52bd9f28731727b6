package subscription

import "sync"

// publisherConns tracks on which connection each publisher was last seen, and so
// which publisher has replaced another.
type publisherConns struct {
	mu        sync.Mutex
	at        map[uint64]publisherConn // by the publisher that they count for
	sources   map[uint64]*source       // by the announced id
	strangers map[stranger]*source
}

// A publisherConn is a connection on which publishers send.
type publisherConn interface {
	Endpoint() string
	Err() error // not nil once the connection is closed
	// Owner returns the peer's authenticated identity, "" for none.
	Owner() string
}

// maxPublishers is how many publishers are tracked at once.
const maxPublishers = 1024

// place records the connection of a source; p.mu is held.
func (p *publisherConns) place(s *source) {
	publisher, c := s.as, s.conn
	if p.at[publisher] == c {
		return
	}
	if p.at == nil {
		p.at = make(map[uint64]publisherConn)
	}
	if len(p.at) >= maxPublishers {
		p.shrink()
	}
	p.at[publisher] = c
}

// shrink forgets the publishers whose connections are closed, or all of them if
// none is.
func (p *publisherConns) shrink() {
	for publisher, c := range p.at {
		if c.Err() != nil {
			delete(p.at, publisher)
		}
	}
	if len(p.at) >= maxPublishers {
		clear(p.at)
	}
}

// succeeded reports whether the publisher now has replaced old: it sends at
// the same endpoint, and old's connection is closed, or is the same one, which then
// belongs to a proxy. Through a proxy, or if a third publisher sends at the
// endpoint, the two must have a topic in common.
func (p *publisherConns) succeeded(old, now uint64, sameTopic bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, b := p.at[old], p.at[now]
	if a == nil || b == nil || a.Endpoint() != b.Endpoint() {
		return false
	}
	if a == b {
		return sameTopic
	}
	return a.Err() != nil && (sameTopic || !p.shared(b))
}

// gone reports whether the connection on which a publisher was last seen is closed.
func (p *publisherConns) gone(publisher uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.at[publisher]
	return c == nil || c.Err() != nil
}

// shared reports whether c's endpoint has another open connection with a publisher,
// or c itself has several publishers.
func (p *publisherConns) shared(c publisherConn) bool {
	n := 0
	for _, other := range p.at {
		if other.Endpoint() == c.Endpoint() && other.Err() == nil {
			n++
		}
	}
	return n > 1
}
