package relay

import (
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

const (
	// maxStreams is how many streams one connection of a client may have open.
	maxStreams = 1 << 16
	// maxStreamEnvelope is how many bytes the envelope of a stream may have.
	maxStreamEnvelope = 512
	// maxEnded is how many streams of a connection are known to have ended.
	maxEnded = 4096
)

// A stream is an open call with several messages, and its server. The table's lock
// guards it.
type stream struct {
	key    string // the route and the envelope, as on the wire
	client *streamClient
	server *link.Conn // nil: the first message waits for one
}

// A streamTable knows the streams that are open, so that all messages of one go
// to the same server. Its methods may be called from any goroutine. While its
// lock is held nothing is sent.
type streamTable struct {
	size atomic.Int64 // of open; read before the lock is taken

	mu      sync.Mutex
	open    map[string]*stream
	servers map[*link.Conn]map[*stream]struct{}
}

func (t *streamTable) init() {
	t.open = make(map[string]*stream)
	t.servers = make(map[*link.Conn]map[*stream]struct{})
}

// add adds a stream whose server is not known yet. It returns an existing stream
// with the same key, or ok false when the client has too many.
func (t *streamTable) add(s *stream) (same *stream, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := s.client
	if same := t.open[s.key]; same != nil {
		return same, true
	}
	if len(c.open) >= maxStreams {
		return nil, false
	}
	if c.open == nil {
		c.open = make(map[*stream]struct{})
	}
	t.open[s.key], c.open[s] = s, struct{}{}
	t.size.Add(1)
	return nil, true
}

// place records the server of a stream.
func (t *streamTable) place(s *stream, server *link.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.server = server
	of := t.servers[server]
	if of == nil {
		of = make(map[*stream]struct{})
		t.servers[server] = of
	}
	of[s] = struct{}{}
}

// remove removes a stream, and records that it has ended. It returns false when the
// stream was already removed.
func (t *streamTable) remove(s *stream) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[s.key] != s {
		return false
	}
	t.removeLocked(s)
	return true
}

func (t *streamTable) removeLocked(s *stream) {
	delete(t.open, s.key)
	delete(s.client.open, s)
	s.client.ended.add(s.key)
	t.size.Add(-1)
	if of := t.servers[s.server]; of != nil {
		if delete(of, s); len(of) == 0 {
			delete(t.servers, s.server)
		}
	}
}

// find returns the open stream with that key and its server, nil if there is none.
func (t *streamTable) find(key []byte) (*stream, *link.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.open[string(key)]
	if s == nil {
		return nil, nil
	}
	return s, s.server
}

// takeServers removes and returns the streams of a server.
func (t *streamTable) takeServers(server *link.Conn) []*stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.takeLocked(t.servers[server])
}

// takeClients removes and returns the streams of a client.
func (t *streamTable) takeClients(c *streamClient) []*stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.takeLocked(c.open)
}

func (t *streamTable) takeLocked(of map[*stream]struct{}) []*stream {
	list := make([]*stream, 0, len(of))
	for s := range of {
		list = append(list, s)
	}
	for _, s := range list {
		t.removeLocked(s)
	}
	return list
}

// endedLately reports whether a stream with that key was among the client's last to
// end.
func (t *streamTable) endedLately(c *streamClient, key []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return c.ended.has(key)
}

// endedStreams are the last streams of a client that have ended.
type endedStreams struct {
	keys map[string]struct{}
	ring []string
	next int // of ring
}

func (e *endedStreams) add(key string) {
	if _, ok := e.keys[key]; ok {
		return // the client uses an envelope again
	}
	if e.keys == nil {
		e.keys = make(map[string]struct{})
	}
	e.keys[key] = struct{}{}
	if len(e.ring) < maxEnded {
		e.ring = append(e.ring, key)
		return
	}
	delete(e.keys, e.ring[e.next])
	e.ring[e.next] = key
	e.next = (e.next + 1) % maxEnded
}

func (e *endedStreams) has(key []byte) bool {
	_, ok := e.keys[string(key)]
	return ok
}

// streamKey appends the key of a stream.
func streamKey(b, route []byte, e wire.Envelope) []byte {
	return e.Append(wire.AppendRoute(b, route))
}
