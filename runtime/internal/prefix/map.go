package prefix

import (
	"bytes"
	"strings"
)

// A Map maps texts to values, in a compressed radix tree. The cost of looking up a
// topic grows with the length of the topic and not with the number of texts. Memory
// is freed as texts are removed. It costs less than a Tree, whose prefixes have
// several holders.
//
// The zero value is empty and ready. A Map must not be used by two goroutines at
// once, except that several may read.
type Map[V any] struct {
	root entry[V]
	n    int
}

// An entry stands for the text on the path from the root to it. Every entry except
// the root has a value or at least two kids.
type entry[V any] struct {
	label string // the text from the parent to here; empty only in the root
	first []byte // the first byte of each kid's label
	kids  []*entry[V]
	value V
	held  bool // there is a value
}

// Len returns how many texts there are.
func (m *Map[V]) Len() int { return m.n }

// Get returns the value of a text.
func (m *Map[V]) Get(text string) (v V, ok bool) {
	e := &m.root
	for text != "" {
		i := bytes.IndexByte(e.first, text[0])
		if i < 0 {
			return v, false
		}
		e = e.kids[i]
		if text, ok = strings.CutPrefix(text, e.label); !ok {
			return v, false
		}
	}
	return e.value, e.held
}

// Match calls visit with the value of each text that topic begins with, the
// shortest first. It allocates nothing. visit must not change the Map.
func (m *Map[V]) Match(topic []byte, visit func(V)) {
	for e := &m.root; ; {
		if e.held {
			visit(e.value)
		}
		if len(topic) == 0 {
			return
		}
		i := bytes.IndexByte(e.first, topic[0])
		if i < 0 {
			return
		}
		e = e.kids[i]
		n := len(e.label)
		if len(topic) < n || string(topic[:n]) != e.label {
			return
		}
		topic = topic[n:]
	}
}

// Put sets the value of a text. The Map keeps text.
func (m *Map[V]) Put(text string, v V) {
	e := m.root.insert(text)
	if !e.held {
		m.n++
	}
	e.value, e.held = v, true
}

// insert returns the entry of text below e, and makes it if there is none.
func (e *entry[V]) insert(text string) *entry[V] {
	for text != "" {
		i := bytes.IndexByte(e.first, text[0])
		if i < 0 {
			k := &entry[V]{label: text}
			e.first, e.kids = append(e.first, text[0]), append(e.kids, k)
			return k
		}
		k := e.kids[i]
		if common := commonPrefix(k.label, text); common < len(k.label) {
			// The upper half is copied, since it may outlive its text.
			upper := &entry[V]{label: strings.Clone(k.label[:common]), first: []byte{k.label[common]}, kids: []*entry[V]{k}}
			k.label = k.label[common:]
			e.kids[i], k = upper, upper
		}
		e, text = k, text[len(k.label):]
	}
	return e
}

// commonPrefix returns how many bytes a and b share at the beginning.
func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// Delete removes a text. It returns false when there is none.
func (m *Map[V]) Delete(text string) bool {
	if _, ok := m.Get(text); !ok {
		return false
	}
	m.root.remove(text)
	m.n--
	return true
}

// remove removes text, which is there, and joins entries that need not be separate.
func (e *entry[V]) remove(text string) {
	if text == "" {
		var none V
		e.value, e.held = none, false
		return
	}
	i := bytes.IndexByte(e.first, text[0])
	k := e.kids[i]
	k.remove(text[len(k.label):])
	switch {
	case k.held:
	case len(k.kids) == 0:
		last := len(e.kids) - 1
		e.first[i], e.kids[i] = e.first[last], e.kids[last]
		e.first, e.kids = cut(e.first), cut(e.kids)
	case len(k.kids) == 1:
		only := k.kids[0]
		only.label = k.label + only.label
		e.kids[i] = only
	}
}
