// Package lru keeps values by key, up to a number of values and of bytes, and
// evicts the least recently used ones.
package lru

import (
	"iter"

	"github.com/gozmq/gozmq/runtime/internal/list"
)

// Overhead is the approximate size of an entry without the bytes of its key and
// value.
const Overhead = 256

// Bounds limit what a Cache keeps. One entry always fits.
type Bounds struct{ Count, Bytes int }

// A Cache maps keys to values of type V in the order of their last use. The
// zero value has bounds of 0: it keeps one entry. One goroutine at a time may use
// it.
type Cache[V any] struct {
	bounds  Bounds
	entries map[string]*Entry[V] // nil until something is added
	order   list.List[*Entry[V]] // the least recently used entry is the first
	bytes   int
}

// An Entry is a key and its value in a Cache. Only Value may be changed.
type Entry[V any] struct {
	Key   string
	Value V
	size  int
	place list.Element[*Entry[V]]
}

// New returns an empty cache.
func New[V any](b Bounds) *Cache[V] { return &Cache[V]{bounds: b} }

// Len returns the number of entries.
func (c *Cache[V]) Len() int { return len(c.entries) }

// Bytes returns the sum of the entries' sizes.
func (c *Cache[V]) Bytes() int { return c.bytes }

// Get returns the entry of key, nil if there is none. It allocates nothing and
// does not count as a use.
func (c *Cache[V]) Get(key []byte) *Entry[V] { return c.entries[string(key)] }

// Add puts a value of that size into the cache, as the most recently used one, and
// returns its entry. key must not be in the cache. Call Evict afterwards.
func (c *Cache[V]) Add(key string, value V, size int) *Entry[V] {
	if c.entries == nil {
		c.entries = make(map[string]*Entry[V])
	}
	e := &Entry[V]{Key: key, Value: value, size: size}
	c.entries[key] = e
	c.order.PushBack(&e.place, e)
	c.bytes += size
	return e
}

// Touch makes e the most recently used entry.
func (c *Cache[V]) Touch(e *Entry[V]) {
	e.place.Remove()
	c.order.PushBack(&e.place, e)
}

// Resize sets the size of e. Call Evict afterwards.
func (c *Cache[V]) Resize(e *Entry[V], size int) {
	c.bytes += size - e.size
	e.size = size
}

// Remove removes e from the cache.
func (c *Cache[V]) Remove(e *Entry[V]) {
	e.place.Remove()
	delete(c.entries, e.Key)
	c.bytes -= e.size
}

// Oldest returns the least recently used entry, nil if there is none.
func (c *Cache[V]) Oldest() *Entry[V] {
	if c.order.Empty() {
		return nil
	}
	return c.order.First().Value()
}

// Evict removes the least recently used entries until the cache is within its
// bounds, and calls evicted with each of them.
func (c *Cache[V]) Evict(evicted func(*Entry[V])) {
	for len(c.entries) > 1 && (len(c.entries) > c.bounds.Count || c.bytes > c.bounds.Bytes) {
		e := c.Oldest()
		c.Remove(e)
		evicted(e)
	}
}

// All yields every entry in the order of last use, the oldest first. The loop may
// remove the yielded entry, but no other.
func (c *Cache[V]) All() iter.Seq[*Entry[V]] {
	return func(yield func(*Entry[V]) bool) {
		for at := c.order.First(); at != nil; {
			next := at.Next()
			if !yield(at.Value()) {
				return
			}
			at = next
		}
	}
}
