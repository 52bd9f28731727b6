package subscription

import (
	"sync"
	"time"
)

// Connections follows the connections of a Hub's socket. Its methods may be called
// from any goroutine.
type Connections struct {
	mu       sync.Mutex
	conns    map[Source]struct{}
	since    time.Time
	received time.Time // from those that are gone
}

// A Source is a connection that knows when something last came.
type Source interface{ LastReceived() time.Time }

// NewConnections returns Connections without any, since now.
func NewConnections() *Connections {
	return &Connections{conns: make(map[Source]struct{}), since: time.Now()}
}

// State returns how many connections there are, since when there are some, or none,
// and when something last came on any; zero before the first.
func (k *Connections) State() (n int, since, received time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	received = k.received
	for c := range k.conns {
		if h := c.LastReceived(); h.After(received) {
			received = h
		}
	}
	return len(k.conns), k.since, received
}

// Joined takes note of a connection, before anything is received on it.
func (k *Connections) Joined(c Source) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.conns) == 0 {
		k.since = time.Now()
	}
	k.conns[c] = struct{}{}
}

// Left takes note of a connection's end.
func (k *Connections) Left(c Source) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.conns, c)
	if received := c.LastReceived(); received.After(k.received) {
		k.received = received
	}
	if len(k.conns) == 0 {
		k.since = time.Now()
	}
}
