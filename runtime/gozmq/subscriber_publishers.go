package gozmq

import "sync"

// origins knows on which connection each publisher was heard last, and so which
// one has taken another's place.
type origins struct {
	mu sync.Mutex
	at map[uint64]origin
}

// An origin is a connection, a *link.Conn.
type origin interface {
	Endpoint() string
	Err() error // not nil when it is closed
}

// maxOrigins is how many publishers are known at once.
const maxOrigins = 1024

// heard takes note that a message of a publisher came over c.
func (o *origins) heard(publisher uint64, c origin) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.at[publisher] == c {
		return
	}
	if o.at == nil {
		o.at = make(map[uint64]origin)
	}
	if len(o.at) >= maxOrigins {
		o.shrink()
	}
	o.at[publisher] = c
}

// shrink forgets the publishers whose connections are closed, all if none is.
func (o *origins) shrink() {
	for publisher, c := range o.at {
		if c.Err() != nil {
			delete(o.at, publisher)
		}
	}
	if len(o.at) >= maxOrigins {
		clear(o.at)
	}
}

// succeeded reports whether the publisher now has taken the place of old: it is
// heard at the same endpoint, and old's connection is closed or is the same
// one, which is that of a proxy. Through a proxy, and where yet another one is
// heard there, the two need to have a topic in common.
func (o *origins) succeeded(old, now uint64, sameTopic bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	a, b := o.at[old], o.at[now]
	if a == nil || b == nil || a.Endpoint() != b.Endpoint() {
		return false
	}
	if a == b {
		return sameTopic
	}
	return a.Err() != nil && (sameTopic || !o.shared(b))
}

// gone reports whether the connection over which a publisher was heard last is
// closed.
func (o *origins) gone(publisher uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.at[publisher]
	return c == nil || c.Err() != nil
}

// shared reports whether c's endpoint has another open connection on which a
// publisher was heard, or c has several.
func (o *origins) shared(c origin) bool {
	n := 0
	for _, other := range o.at {
		if other.Endpoint() == c.Endpoint() && other.Err() == nil {
			n++
		}
	}
	return n > 1
}
