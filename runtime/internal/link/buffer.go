package link

import "sync"

// bufferSizes are the sizes of the read buffers that are pooled. The pool is
// emptied by the garbage collector, so what a burst took is given back.
var bufferSizes = [...]int{64 << 10, 256 << 10, 1 << 20}

var bufferPools [len(bufferSizes)]sync.Pool

// A buffer is a read buffer; class is its pool, or -1.
type buffer struct {
	b     []byte
	class int
}

// newBuffer returns a buffer of at least size bytes.
func newBuffer(size int) *buffer {
	for class, n := range bufferSizes {
		if size > n {
			continue
		}
		if b, ok := bufferPools[class].Get().(*buffer); ok {
			return b
		}
		return &buffer{b: make([]byte, n), class: class}
	}
	return &buffer{b: make([]byte, size), class: -1}
}

// free gives the buffer back; it must not be used any more.
func (b *buffer) free() {
	if b.class >= 0 {
		bufferPools[b.class].Put(b)
	}
}
