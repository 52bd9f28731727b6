package gozmqops

import (
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// A Group is the sockets of a program. The zero value is empty and ready to use.
// Its methods may be called from any goroutine.
type Group struct {
	mu       sync.Mutex
	members  []member
	watches  []*watch
	stopping bool
	health   []Health
	ran      bool

	known sync.Map // of Service, by descriptor
}

// A member is a role of the group.
type member struct {
	name    string
	role    any
	since   time.Time
	watched gozmqimpl.Role // nil: the role is somebody's own type
}

// Add adds a role under a name: a *gozmq.Conn, Server, Publisher, Subscriber,
// Ventilator, Worker, Sink or Proxy. It fails for anything else, and for a name
// that the group has. Names appear in metrics: choose few, fixed names.
func (g *Group) Add(name string, role any) error {
	if looks(role) == nil {
		return fmt.Errorf("add %q: %T is no role of package gozmq", name, role)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if slices.ContainsFunc(g.members, func(m member) bool { return m.name == name }) {
		return fmt.Errorf("add %q: the group has this name", name)
	}
	m := member{name, role, time.Now(), roleOf(role)}
	g.members = append(g.members, m)
	for _, w := range g.watches {
		w.add(m)
	}
	return nil
}

// Remove removes the role of that name, if there is one. It does not close it.
func (g *Group) Remove(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members = slices.DeleteFunc(g.members, func(m member) bool { return m.name == name })
	for _, w := range g.watches {
		w.remove(name)
	}
}

// A Health learns that the program is about to stop. A *gozmqhealth.Health is one.
type Health interface{ Shutdown() }

// AddHealth has Run shut h down before it stops anything, so that clients which
// watch it go elsewhere.
func (g *Group) AddHealth(h Health) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.health = append(g.health, h)
}

// Roles yields the names and roles, in the order in which they were added.
func (g *Group) Roles() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		members, _ := g.list()
		for _, m := range members {
			if !yield(m.name, m.role) {
				return
			}
		}
	}
}

func (g *Group) list() (members []member, stopping bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.members), g.stopping
}

// A look is one socket of a role.
type look struct {
	side  string // of a worker or a proxy
	stats func() gozmq.Stats
}

// looks returns the sockets of a role; nil when it is none.
func looks(role any) []look {
	switch r := role.(type) {
	case *gozmq.Worker:
		return []look{
			{"tasks", func() gozmq.Stats { s, _ := r.Stats(); return s }},
			{"results", func() gozmq.Stats { _, s := r.Stats(); return s }},
		}
	case *gozmq.Proxy:
		return []look{{"front", r.FrontStats}, {"back", r.BackStats}}
	case interface{ Stats() gozmq.Stats }:
		return []look{{"", r.Stats}}
	}
	return nil
}
