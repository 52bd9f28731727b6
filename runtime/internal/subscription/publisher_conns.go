package subscription

import "sync"

// publisherConns knows on which connection each publisher was seen last, and
// so which publisher has replaced another.
type publisherConns struct {
	mu        sync.Mutex
	at        map[uint64]publisherConn // by what they are taken for
	sources   map[uint64]*source       // by the id that is announced
	strangers map[stranger]*source
}

// A publisherConn is a connection over which publishers send.
type publisherConn interface {
	Endpoint() string
	Err() error // not nil when it is closed
	// Owner returns what the peer has proved to be, "" for nothing.
	Owner() string
}

// maxPublishers is how many publishers are known at once.
const maxPublishers = 1024

// place takes note of the connection of a source; p.mu is held.
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
// the same endpoint, and old's connection is closed or is the same one, which
// is that of a proxy. Through a proxy, and where yet another publisher sends
// at the endpoint, the two need to have a topic in common.
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

// gone reports whether the connection over which a publisher was seen last is
// closed.
func (p *publisherConns) gone(publisher uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.at[publisher]
	return c == nil || c.Err() != nil
}

// shared reports whether c's endpoint has another open connection on which a
// publisher sent, or c has several publishers.
func (p *publisherConns) shared(c publisherConn) bool {
	n := 0
	for _, other := range p.at {
		if other.Endpoint() == c.Endpoint() && other.Err() == nil {
			n++
		}
	}
	return n > 1
}
