package subscription

import (
	"sync"
	"time"
)

// Connections follows the connections of a Hub's socket. Its methods may be called
// from any goroutine.
type Connections struct {
	mu    sync.Mutex
	conns map[Hearing]struct{}
	since time.Time
	heard time.Time // from those that are gone
}

// A Hearing is a connection that knows when something last came.
type Hearing interface{ Heard() time.Time }

// NewConnections returns Connections without any, since now.
func NewConnections() *Connections {
	return &Connections{conns: make(map[Hearing]struct{}), since: time.Now()}
}

// State returns how many connections there are, since when there are some, or none,
// and when something last came on any; zero before the first.
func (k *Connections) State() (n int, since, heard time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	heard = k.heard
	for c := range k.conns {
		if h := c.Heard(); h.After(heard) {
			heard = h
		}
	}
	return len(k.conns), k.since, heard
}

// Joined takes note of a connection, before anything is received on it.
func (k *Connections) Joined(c Hearing) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.conns) == 0 {
		k.since = time.Now()
	}
	k.conns[c] = struct{}{}
}

// Left takes note of a connection's end.
func (k *Connections) Left(c Hearing) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.conns, c)
	if heard := c.Heard(); heard.After(k.heard) {
		k.heard = heard
	}
	if len(k.conns) == 0 {
		k.since = time.Now()
	}
}
