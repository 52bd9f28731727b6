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
	received time.Time // on connections that have ended
}

// A Source is a connection that knows when bytes last came.
type Source interface{ LastReceived() time.Time }

// NewConnections returns Connections with no connection since now.
func NewConnections() *Connections {
	return &Connections{conns: make(map[Source]struct{}), since: time.Now()}
}

// State returns the number of connections, since when there is at least one or
// none, and when bytes last came on any of them; zero if never.
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

// Joined records a connection, before anything is received on it.
func (k *Connections) Joined(c Source) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.conns) == 0 {
		k.since = time.Now()
	}
	k.conns[c] = struct{}{}
}

// Left records a connection's end.
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
