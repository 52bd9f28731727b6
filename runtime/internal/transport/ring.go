package transport

const (
	minRing = 1 << 10  // bytes of the smallest buffer
	maxRing = 64 << 10 // the most bytes that a direction of a pipe holds
)

// A ring is a queue of up to maxRing bytes. Its buffer grows with its content.
// The zero value is empty and has no buffer.
type ring struct {
	buf  []byte // its length is 0 or a power of two
	head int    // where the next byte is read
	n    int    // bytes in the queue
}

// room returns how many bytes fit.
func (r *ring) room() int { return maxRing - r.n }

// write appends as much of p as fits and returns how much that was.
func (r *ring) write(p []byte) int {
	p = p[:min(len(p), r.room())]
	if len(p) == 0 {
		return 0
	}
	if r.n+len(p) > len(r.buf) {
		r.resize(r.n + len(p))
	}
	tail := (r.head + r.n) & (len(r.buf) - 1)
	k := copy(r.buf[tail:], p)
	copy(r.buf, p[k:])
	r.n += len(p)
	return len(p)
}

// read moves bytes into p and returns how many.
func (r *ring) read(p []byte) int {
	p = p[:min(len(p), r.n)]
	if len(p) == 0 {
		return 0
	}
	r.peek(p)
	r.n -= len(p)
	r.head = (r.head + len(p)) & (len(r.buf) - 1)
	if r.n == 0 {
		r.head = 0 // the next write is one copy
	}
	return len(p)
}

// peek copies the first len(p) bytes, which must be in the queue.
func (r *ring) peek(p []byte) {
	k := copy(p, r.buf[r.head:])
	copy(p[k:], r.buf)
}

// resize gives the queue a buffer for at least size bytes, or none for 0. size
// must not be less than the number of bytes in the queue.
func (r *ring) resize(size int) {
	var buf []byte
	if size > 0 {
		c := minRing
		for c < size {
			c *= 2
		}
		buf = make([]byte, c)
		r.peek(buf[:r.n])
	}
	r.buf, r.head = buf, 0
}
