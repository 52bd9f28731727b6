package gozmq

import (
	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/prefix"
)

// topicRoutes finds the handler of a topic among those of one service. The cost
// of looking a topic up grows with its length and with the number of patterns
// that begin as it does, not with the number of handlers. It is used by one
// goroutine at a time.
type topicRoutes struct {
	tree  prefix.Tree[*bridge.TopicHandler[Method]]
	bare  *bridge.TopicHandler[Method] // of messages without a topic
	name  []byte                       // what find looks for
	found *bridge.TopicHandler[Method]
	visit func(*bridge.TopicHandler[Method]) // match, made once
}

// add adds a handler. No two patterns of a service match the same topic.
func (r *topicRoutes) add(h *bridge.TopicHandler[Method]) {
	if h.Bare {
		r.bare = h
		return
	}
	r.tree.Add(h.Pattern.Prefix(), h)
}

// remove removes the handler of a topic that nobody implements.
func (r *topicRoutes) remove(h *bridge.TopicHandler[Method]) { r.tree.Remove(h.Pattern.Prefix(), h) }

// find returns the handler of a topic, nil if there is none.
func (r *topicRoutes) find(name []byte) *bridge.TopicHandler[Method] {
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

// match takes h if its pattern matches the topic.
func (r *topicRoutes) match(h *bridge.TopicHandler[Method]) {
	if r.found == nil && h.Pattern.Matches(r.name) {
		r.found = h
	}
}
