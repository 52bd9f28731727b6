package prefix

import (
	"bytes"
	"iter"
)

// A Tree is a set of byte-string prefixes, each held by one or more
// subscribers, in a compressed radix tree. The cost of looking up a topic grows
// with its length and the number of subscribers found, not with the number of
// prefixes. Memory is freed as prefixes are removed.
//
// The zero value is empty and ready. A Tree must not be copied once used, and must
// not be used by two goroutines at once, not even if both call Match.
type Tree[S comparable] struct {
	root        node[S]
	subscribers shrinking[S, *subscriber[S]]
	prefixes    int
	epoch       uint64 // of the last Match that had to mark subscribers
}

// A subscriber is the tree's record of one S.
type subscriber[S comparable] struct {
	held []place[S] // in no particular order
	seen uint64     // the epoch in which Match visited it
}

// A place is the position of a subscriber among the holders of a node.
type place[S comparable] struct {
	node *node[S]
	i    int
}

// Add makes s hold prefix, which is copied. The empty prefix is a prefix of
// every topic. Add returns false when s holds prefix already. Holds are not
// counted: one Remove ends a hold, however often it was added.
func (t *Tree[S]) Add(prefix []byte, s S) bool {
	sub, known := t.subscribers.get(s)
	if !known {
		sub = new(subscriber[S])
		t.subscribers.put(s, sub)
	}
	n := t.root.insert(prefix)
	if n.find(sub) >= 0 {
		return false
	}
	if len(n.holders) == 0 {
		t.prefixes++
	}
	at := len(sub.held)
	sub.held = append(sub.held, place[S]{n, len(n.holders)})
	n.hold(holder[S]{s, sub, at})
	return true
}

// Remove ends s's hold on prefix. It returns false when s did not hold it.
func (t *Tree[S]) Remove(prefix []byte, s S) bool {
	sub, known := t.subscribers.get(s)
	if !known {
		return false
	}
	n := t.root.at(prefix)
	if n == nil {
		return false
	}
	i := n.find(sub)
	if i < 0 {
		return false
	}
	at := n.holders[i].at
	if last := sub.held[len(sub.held)-1]; last.node != n {
		sub.held[at] = last
		last.node.holders[last.i].at = at
	}
	sub.held = cut(sub.held)
	if len(sub.held) == 0 {
		t.subscribers.remove(s)
	}
	t.release(n, i)
	return true
}

// RemoveAll ends every hold of s and returns how many there were. Its cost
// grows with their number. To know them, range over Held first.
func (t *Tree[S]) RemoveAll(s S) (ended int) {
	for ended = range t.RemoveEach(s) {
	}
	return ended
}

// RemoveEach ends every hold of s, one after the other, and yields how many it
// has ended. In the loop's body the tree may be used and changed, so a lock on
// it can be released, but s must not get new holds; Match still finds s by the
// holds that have not ended. When the loop is left early the remaining holds end at
// once.
func (t *Tree[S]) RemoveEach(s S) iter.Seq[int] {
	return func(yield func(int) bool) {
		sub, known := t.subscribers.get(s)
		if !known {
			return
		}
		t.subscribers.remove(s)
		wanted := true
		for i := range sub.held {
			at := sub.held[i] // read again each time, because others move it
			t.release(at.node, at.i)
			wanted = wanted && yield(i+1)
		}
	}
}

// Held returns the prefixes that s holds, in no particular order. A prefix is
// valid until the next one is yielded. The tree must not be changed meanwhile.
func (t *Tree[S]) Held(s S) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		sub, known := t.subscribers.get(s)
		if !known {
			return
		}
		var text []byte
		for _, at := range sub.held {
			text = at.node.appendPrefix(text[:0])
			if !yield(text) {
				return
			}
		}
	}
}

// release removes the holder at i from n. The caller changes the holder's record.
func (t *Tree[S]) release(n *node[S], i int) {
	n.release(i)
	if len(n.holders) == 0 {
		t.prefixes--
		n.prune()
	}
}

// Match calls visit once for each subscriber that holds at least one prefix of
// topic, in no particular order. It allocates nothing. visit must not use the
// tree.
func (t *Tree[S]) Match(topic []byte, visit func(S)) {
	// Usually one prefix matches a topic. Then no subscriber can be found
	// twice, and none has to be marked.
	var only *node[S]
	for n := t.root.firstHeld(&topic); n != nil; n = n.nextHeld(&topic) {
		if only == nil {
			only = n
			continue
		}
		t.matchMarked(only, n, topic, visit)
		return
	}
	if only == nil {
		return
	}
	for _, h := range only.holders {
		visit(h.key)
	}
}

// matchMarked is Match for several prefixes: the prefixes of first and n, and the
// ones below n along rest.
func (t *Tree[S]) matchMarked(first, n *node[S], rest []byte, visit func(S)) {
	t.epoch++
	first.visitUnseen(t.epoch, visit)
	for ; n != nil; n = n.nextHeld(&rest) {
		n.visitUnseen(t.epoch, visit)
	}
}

// Matches reports whether any subscriber holds a prefix of topic.
func (t *Tree[S]) Matches(topic []byte) bool {
	return t.root.firstHeld(&topic) != nil
}

// Covers reports whether s holds a prefix of topic.
func (t *Tree[S]) Covers(s S, topic []byte) bool {
	sub, known := t.subscribers.get(s)
	if !known {
		return false
	}
	for n := t.root.firstHeld(&topic); n != nil; n = n.nextHeld(&topic) {
		if n.find(sub) >= 0 {
			return true
		}
	}
	return false
}

// CoversBeside reports whether s holds a prefix of topic other than but.
func (t *Tree[S]) CoversBeside(s S, topic, but []byte) bool {
	sub, known := t.subscribers.get(s)
	if !known {
		return false
	}
	left := t.root.at(but)
	for n := t.root.firstHeld(&topic); n != nil; n = n.nextHeld(&topic) {
		if n != left && n.find(sub) >= 0 {
			return true
		}
	}
	return false
}

// Under yields each holder of each prefix that begins with text, in no particular
// order, once for each such prefix. The tree must not be used meanwhile.
func (t *Tree[S]) Under(text []byte) iter.Seq[S] {
	return func(yield func(S) bool) {
		if n := t.root.below(text); n != nil {
			n.yieldAll(yield)
		}
	}
}

// Count returns how many prefixes s holds.
func (t *Tree[S]) Count(s S) int {
	sub, known := t.subscribers.get(s)
	if !known {
		return 0
	}
	return len(sub.held)
}

// Len returns how many different prefixes are held.
func (t *Tree[S]) Len() int { return t.prefixes }

// Subscribers returns how many subscribers hold exactly prefix.
func (t *Tree[S]) Subscribers(prefix []byte) int {
	n := t.root.at(prefix)
	if n == nil {
		return 0
	}
	return len(n.holders)
}

// commonLen returns how many bytes a and b share at the beginning.
func commonLen(a, b []byte) int {
	n := min(len(a), len(b))
	if bytes.Equal(a[:n], b[:n]) {
		return n
	}
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
