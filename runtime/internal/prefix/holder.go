package prefix

import "slices"

// few is the largest number of holders that is searched linearly.
const few = 16

// A holder is a subscriber that holds a node's text. It repeats the
// subscriber's key, so that Match usually reads nothing but one slice.
type holder[S comparable] struct {
	key S
	sub *subscriber[S]
	at  int // the index in sub.held
}

// find returns the index of sub among n's holders, -1 if it is none.
func (n *node[S]) find(sub *subscriber[S]) int {
	if n.index == nil {
		return slices.IndexFunc(n.holders, func(h holder[S]) bool { return h.sub == sub })
	}
	if i, holds := n.index.get(sub); holds {
		return i
	}
	return -1
}

// hold adds a holder, which must not be one yet.
func (n *node[S]) hold(h holder[S]) {
	if n.holders == nil {
		n.holders = n.one[:0]
	}
	n.holders = append(n.holders, h)
	if len(n.holders) > 1 {
		n.one = [1]holder[S]{}
	}
	switch {
	case n.index != nil:
		n.index.put(h.sub, len(n.holders)-1)
	case len(n.holders) > few:
		n.index = new(shrinking[*subscriber[S], int])
		for i, h := range n.holders {
			n.index.put(h.sub, i)
		}
	}
}

// release removes the holder at i, and moves the last one there.
func (n *node[S]) release(i int) {
	gone, last := n.holders[i].sub, len(n.holders)-1
	if n.index != nil {
		n.index.remove(gone)
	}
	if i != last {
		moved := n.holders[last]
		n.holders[i] = moved
		moved.sub.held[moved.at].i = i
		if n.index != nil {
			n.index.put(moved.sub, i)
		}
	}
	n.holders = cut(n.holders)
	if len(n.holders) <= few/2 {
		n.index = nil
	}
}

// visitUnseen visits the holders that were not visited in this epoch.
func (n *node[S]) visitUnseen(epoch uint64, visit func(S)) {
	for _, h := range n.holders {
		if h.sub.seen != epoch {
			h.sub.seen = epoch
			visit(h.key)
		}
	}
}
