package pipeline

import (
	"maps"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// Peers describes the connections that one goroutine receives from, each once, so
// that a message costs no allocation for that.
type Peers struct {
	Describe func(*link.Conn) any // set before the first call

	made map[*link.Conn]any
	last any
	from *link.Conn // the last one's; nil: none
}

// Of returns what describes a connection, the same each time.
func (p *Peers) Of(c *link.Conn) any {
	if p.from == c {
		return p.last
	}
	peer, known := p.made[c]
	if !known {
		if p.made == nil {
			p.made = make(map[*link.Conn]any)
		}
		maps.DeleteFunc(p.made, func(c *link.Conn, _ any) bool { return c.Ended() })
		peer = p.Describe(c)
		p.made[c] = peer
	}
	p.last, p.from = peer, c
	return peer
}
