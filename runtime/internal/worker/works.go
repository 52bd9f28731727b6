package worker

import (
	"context"
	"maps"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
)

// works makes the Works of the tasks that one goroutine runs with at-most-once
// delivery. Tasks of one connection and method share one, so that a task costs no
// allocation, unless they belong to a batch or carry metadata, or the Work is not
// reusable.
type works struct {
	base  context.Context
	peers pipeline.Peers
	made  map[origin]Work
	last  Work   // made for the task before; nil: none
	from  origin // that task's
}

// An origin is where tasks come from that share a Work.
type origin struct {
	conn   *link.Conn
	method *Method
}

func newWorks(base context.Context, describe func(*link.Conn) any) works {
	return works{base: base, peers: pipeline.Peers{Describe: describe}}
}

// of returns the Work of a task, whose Peer it sets.
func (s *works) of(conn *link.Conn, m *Method, t Task) Work {
	if t.Batch != "" || t.Metadata != nil {
		t.Peer = s.peers.Of(conn)
		return m.NewWork(s.base, t)
	}
	from := origin{conn, m}
	if s.last != nil && s.from == from && s.last.Reusable() {
		return s.last
	}
	s.last, s.from = s.made[from], from
	if s.last == nil || !s.last.Reusable() {
		s.forgetEnded()
		t.Peer = s.peers.Of(conn)
		s.last = m.NewWork(s.base, t)
		s.made[from] = s.last
	}
	return s.last
}

// forgetEnded drops the entries of ended connections.
func (s *works) forgetEnded() {
	if s.made == nil {
		s.made = make(map[origin]Work)
	}
	maps.DeleteFunc(s.made, func(o origin, _ Work) bool { return o.conn.Ended() })
}
