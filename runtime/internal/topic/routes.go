package topic

import "github.com/gozmq/gozmq/runtime/internal/prefix"

// Routes finds the route of a topic among patterns. The cost of a lookup grows with
// the topic's length and with the number of patterns whose prefix it has, not with
// the number of routes. One goroutine at a time may use it.
type Routes[H any] struct {
	tree  prefix.Tree[*Route[H]]
	bare  *Route[H] // gets every message
	name  []byte    // the topic that Find looks for
	found *Route[H]
	visit func(*Route[H]) // match, made once
}

// A Route is a pattern and the handler of its topics.
type Route[H any] struct {
	Pattern Pattern
	Handler H
}

// Add adds a route. No two patterns may match the same topic.
func (r *Routes[H]) Add(route *Route[H]) { r.tree.Add([]byte(route.Pattern.Prefix()), route) }

// AddBare adds a route that gets every message, whatever its pattern.
func (r *Routes[H]) AddBare(route *Route[H]) { r.bare = route }

// Remove ends an Add.
func (r *Routes[H]) Remove(route *Route[H]) { r.tree.Remove([]byte(route.Pattern.Prefix()), route) }

// Find returns the route of a topic, nil if there is none.
func (r *Routes[H]) Find(name []byte) *Route[H] {
	if r.bare != nil {
		return r.bare
	}
	if r.visit == nil {
		r.visit = r.match
	}
	r.name, r.found = name, nil
	r.tree.Match(name, r.visit)
	return r.found
}

// match takes a route if its pattern matches the topic.
func (r *Routes[H]) match(route *Route[H]) {
	if r.found == nil && route.Pattern.Matches(r.name) {
		r.found = route
	}
}
