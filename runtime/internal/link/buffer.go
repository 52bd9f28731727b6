package link

import (
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// bufferSizes are the sizes of the read buffers that are pooled. The garbage
// collector empties the pools, so the memory of a burst is freed.
var bufferSizes = [...]int{64 << 10, 256 << 10, 1 << 20}

var bufferPools [len(bufferSizes)]sync.Pool

// A buffer is the memory of a reader or of a chunk; class is its pool, or -1.
type buffer struct {
	b     []byte
	class int

	scratch zmtp.Scratch // of its last reader
}

// smallSize is the initial memory of a chunk. It grows with the chunk, up to
// maxSmall.
const (
	smallSize = 2 << 10
	maxSmall  = 64 << 10
)

// small is the class of such buffers.
const small = -2

var smallPool = sync.Pool{New: func() any { return &buffer{b: make([]byte, smallSize), class: small} }}

// newSmall returns a buffer for a chunk of small messages.
func newSmall() *buffer { return smallPool.Get().(*buffer) }

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

// bufferSize returns the size of the buffer that newBuffer(size) returns.
func bufferSize(size int) int {
	for _, n := range bufferSizes {
		if size <= n {
			return n
		}
	}
	return size
}

// free returns the buffer to its pool. It must not be used afterwards.
func (b *buffer) free() {
	switch {
	case b.class >= 0:
		bufferPools[b.class].Put(b)
	case b.class == small && cap(b.b) <= maxSmall:
		smallPool.Put(b)
	}
}
