package gozmq

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A taskContext is the context of a worker's handler, and of a sink's
// interceptors. It has the task's TaskInfo, and the Peer that the message came
// from.
type taskContext struct {
	context.Context
	info  TaskInfo
	added atomic.Pointer[addedMetadata] // nil: none
}

// newTaskContext returns a context below ctx, for a sink.
func newTaskContext(ctx context.Context, info TaskInfo) *taskContext {
	c := &taskContext{Context: ctx, info: info}
	c.info.ctx = c //nolint:fatcontext // the description of a task leads back to its own context
	return c
}

// newWorkerContext is newTaskContext for a worker.
func newWorkerContext(ctx context.Context, info TaskInfo) *taskContext {
	c := newTaskContext(ctx, info)
	c.info.worker = c
	return c
}

// Value returns the task's TaskInfo and its Peer, else what the context above
// holds (context.Context).
func (c *taskContext) Value(key any) any {
	switch key {
	case taskInfoKey{}:
		return &c.info
	case peerKey{}:
		return c.info.Peer
	}
	return c.Context.Value(key)
}

// addedMetadata is what a handler has added to its task's result.
type addedMetadata struct {
	mu       sync.Mutex
	metadata Metadata
}

func (c *taskContext) addResult(key, value string) {
	added := c.added.Load()
	if added == nil {
		c.added.CompareAndSwap(nil, &addedMetadata{metadata: make(Metadata)})
		added = c.added.Load()
	}
	added.mu.Lock()
	defer added.mu.Unlock()
	added.metadata.Add(key, value)
}

// resultHeader returns the header of the result of a task with that header, nil for
// none: it adds what the handler has added. It never changes the bytes of header.
func (c *taskContext) resultHeader(header []byte) ([]byte, error) {
	added := c.added.Load()
	if added == nil {
		return header, nil
	}
	added.mu.Lock()
	m := wire.Metadata(maps.Clone(added.metadata))
	added.mu.Unlock()
	if err := m.Check(); err != nil {
		return nil, inputError(fmt.Errorf("result: %w", err))
	}
	return wire.AppendTaskHeader(header[:len(header):len(header)], wire.TaskHeader{ResultMetadata: m}), nil
}

// taskContexts makes the contexts of the tasks that one goroutine runs with
// DeliveryAtMostOnce. Tasks of one connection and method share a context, so
// that a task costs no allocation, unless they belong to a batch or carry
// metadata, or a handler has added metadata to a result.
type taskContexts struct {
	base  context.Context
	peers peerCache
	made  map[taskOrigin]*taskContext
	last  *taskContext // made for the task before; nil: none
	from  *link.Conn   // that task's
}

type taskOrigin struct {
	from   *link.Conn
	method *Method
}

// of returns the context of a task of that batch, "" for none, with that metadata,
// nil for none.
func (t *taskContexts) of(from *link.Conn, m *Method, batch string, metadata wire.Metadata) *taskContext {
	if batch != "" || metadata != nil {
		return newWorkerContext(t.base, TaskInfo{Method: m, Batch: batch, Metadata: Metadata(metadata), Peer: t.peers.of(from)})
	}
	if l := t.last; l != nil && t.from == from && l.info.Method == m && l.added.Load() == nil {
		return l
	}
	origin := taskOrigin{from, m}
	t.last, t.from = t.made[origin], from
	if t.last == nil || t.last.added.Load() != nil {
		t.forgetEnded()
		t.last = newWorkerContext(t.base, TaskInfo{Method: m, Peer: t.peers.of(from)})
		t.made[origin] = t.last
	}
	return t.last
}

// forgetEnded drops what was made for connections that have ended.
func (t *taskContexts) forgetEnded() {
	if t.made == nil {
		t.made = make(map[taskOrigin]*taskContext)
	}
	maps.DeleteFunc(t.made, func(o taskOrigin, _ *taskContext) bool { return o.from.Ended() })
}

// A peerCache has the peers of the connections that one goroutine receives from, so
// that a message costs no allocation for its Peer.
type peerCache struct {
	made map[*link.Conn]*Peer
	last *Peer
	from *link.Conn // the last one's; nil: none
}

// of returns the peer of a connection, the same one each time.
func (p *peerCache) of(c *link.Conn) *Peer {
	if p.from == c {
		return p.last
	}
	peer := p.made[c]
	if peer == nil {
		if p.made == nil {
			p.made = make(map[*link.Conn]*Peer)
		}
		maps.DeleteFunc(p.made, func(c *link.Conn, _ *Peer) bool { return c.Ended() })
		peer = peerOf(c)
		p.made[c] = peer
	}
	p.last, p.from = peer, c
	return peer
}
