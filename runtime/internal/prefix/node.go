package prefix

import (
	"bytes"
	"slices"
)

// A node stands for the text on the path from the root to it. Every node except
// the root has a holder or at least two kids. A node with holders stays the
// same node until its last holder is removed, however the tree around it
// changes.
type node[S comparable] struct {
	label   []byte // the text from the parent to here; empty only in the root
	parent  *node[S]
	first   []byte // the first byte of each kid's label
	kids    []*node[S]
	holders []holder[S]
	one     [1]holder[S]                    // where the only holder is
	index   *shrinking[*subscriber[S], int] // of holders; nil while they are few
}

// kid returns the kid whose label begins with c, or nil.
func (n *node[S]) kid(c byte) *node[S] {
	if i := bytes.IndexByte(n.first, c); i >= 0 {
		return n.kids[i]
	}
	return nil
}

// next returns the kid whose label begins rest, and cuts the label from rest; nil
// if there is none.
func (n *node[S]) next(rest *[]byte) *node[S] {
	if len(*rest) == 0 {
		return nil
	}
	k := n.kid((*rest)[0])
	if k == nil || !bytes.HasPrefix(*rest, k.label) {
		return nil
	}
	*rest = (*rest)[len(k.label):]
	return k
}

// firstHeld returns the first node with holders on the way along rest, n
// included, and cuts that way from rest; nil if there is none.
func (n *node[S]) firstHeld(rest *[]byte) *node[S] {
	for n != nil && len(n.holders) == 0 {
		n = n.next(rest)
	}
	return n
}

// nextHeld is firstHeld without n.
func (n *node[S]) nextHeld(rest *[]byte) *node[S] {
	return n.next(rest).firstHeld(rest)
}

// at returns the node that stands for text below n, or nil.
func (n *node[S]) at(text []byte) *node[S] {
	for n != nil && len(text) > 0 {
		n = n.next(&text)
	}
	return n
}

// below returns the highest node whose text begins with n's text followed by text,
// or nil.
func (n *node[S]) below(text []byte) *node[S] {
	for len(text) > 0 {
		k := n.kid(text[0])
		switch {
		case k == nil:
			return nil
		case bytes.HasPrefix(k.label, text):
			return k
		case !bytes.HasPrefix(text, k.label):
			return nil
		}
		n, text = k, text[len(k.label):]
	}
	return n
}

// yieldAll yields the holders of n and of all nodes below it. It returns false when
// yield does.
func (n *node[S]) yieldAll(yield func(S) bool) bool {
	for _, h := range n.holders {
		if !yield(h.key) {
			return false
		}
	}
	for _, k := range n.kids {
		if !k.yieldAll(yield) {
			return false
		}
	}
	return true
}

// insert returns the node that stands for text below n, and makes it if there
// is none. A new node has no holder yet; the caller must add one.
func (n *node[S]) insert(text []byte) *node[S] {
	for len(text) > 0 {
		k := n.kid(text[0])
		if k == nil {
			k = &node[S]{label: bytes.Clone(text), parent: n}
			n.first = append(n.first, text[0])
			n.kids = append(n.kids, k)
			return k
		}
		common := commonLen(k.label, text)
		if common < len(k.label) {
			k = k.split(common)
		}
		n, text = k, text[common:]
	}
	return n
}

// split puts a new node between n and its parent, at byte i of n's label, and
// returns it. Both halves of the label are copied, so that neither keeps the
// other's memory.
func (n *node[S]) split(i int) *node[S] {
	upper := &node[S]{
		label:  bytes.Clone(n.label[:i]),
		parent: n.parent,
		first:  []byte{n.label[i]},
		kids:   []*node[S]{n},
	}
	n.parent.replaceKid(upper)
	n.label, n.parent = bytes.Clone(n.label[i:]), upper
	return upper
}

// replaceKid replaces the kid whose label has the same first byte by k.
func (n *node[S]) replaceKid(k *node[S]) {
	n.kids[bytes.IndexByte(n.first, k.label[0])] = k
}

// prune removes n, which no longer has a holder, and joins nodes that need not be
// separate.
func (n *node[S]) prune() {
	if n.parent != nil && len(n.kids) == 0 {
		n.parent.removeKid(n.label[0])
		n = n.parent
	}
	if n.parent == nil || len(n.holders) > 0 || len(n.kids) != 1 {
		return
	}
	k := n.kids[0]
	k.label = slices.Concat(n.label, k.label)
	k.parent = n.parent
	n.parent.replaceKid(k)
}

func (n *node[S]) removeKid(c byte) {
	i, last := bytes.IndexByte(n.first, c), len(n.first)-1
	n.first[i], n.kids[i] = n.first[last], n.kids[last]
	n.first, n.kids = cut(n.first), cut(n.kids)
}

// appendPrefix appends the text that n stands for.
func (n *node[S]) appendPrefix(b []byte) []byte {
	size := 0
	for m := n; m != nil; m = m.parent {
		size += len(m.label)
	}
	end := len(b) + size
	b = slices.Grow(b, size)[:end]
	for m := n; m != nil; m = m.parent {
		end -= len(m.label)
		copy(b[end:], m.label)
	}
	return b
}
