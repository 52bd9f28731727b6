package gozmq

import (
	"context"
	"maps"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A taskContext is the context of a worker's handler. It has the task's
// TaskInfo, and the Peer that the task came from.
type taskContext struct {
	context.Context
	info TaskInfo
	from *link.Conn
}

// Value returns the task's TaskInfo and its Peer, else what the context above
// holds (context.Context).
func (c *taskContext) Value(key any) any {
	switch key {
	case taskInfoKey{}:
		return &c.info
	case peerKey{}:
		return peerOf(c.from)
	}
	return c.Context.Value(key)
}

// taskContexts makes the contexts of the tasks that one goroutine runs with
// DeliveryAtMostOnce. Tasks of one connection and method share a context, so
// that a task costs no allocation.
type taskContexts struct {
	base context.Context
	made map[taskOrigin]*taskContext
	last *taskContext // made for the task before; nil: none
}

type taskOrigin struct {
	from   *link.Conn
	method *Method
}

// of returns the context of a task of that batch, "" for none.
func (t *taskContexts) of(from *link.Conn, m *Method, batch string) context.Context {
	if l := t.last; l != nil && l.from == from && l.info.Method == m && batch == "" {
		return l
	}
	if batch != "" {
		return &taskContext{t.base, TaskInfo{Method: m, Batch: batch}, from}
	}
	origin := taskOrigin{from, m}
	if t.last = t.made[origin]; t.last == nil {
		t.forgetEnded()
		t.last = &taskContext{t.base, TaskInfo{Method: m}, from}
		t.made[origin] = t.last
	}
	return t.last
}

// forgetEnded drops what was made for connections that have ended.
func (t *taskContexts) forgetEnded() {
	if t.made == nil {
		t.made = make(map[taskOrigin]*taskContext)
	}
	maps.DeleteFunc(t.made, func(o taskOrigin, _ *taskContext) bool {
		select {
		case <-o.from.Closed():
			return true
		default:
			return false
		}
	})
}
