package link

import (
	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// sealedSize is how many bytes a frame with a body of that size takes on the
// wire when it is sealed.
func sealedSize(size int) int {
	size += curve.Overhead
	return zmtp.HeaderSize(size) + size
}

// prepare makes of the frames in out what goes on the wire. It is called
// without the lock, by whoever is writing.
func (w *writer) prepare() {
	w.wire = w.out.b
	if w.session != nil {
		w.seal()
	}
}

// seal makes a MESSAGE command of each frame in out (RFC 26). Out keeps its
// plain frames: what the kernel does not take may go to another peer.
func (w *writer) seal() {
	size := 0
	for b := w.out.b; len(b) > 0; {
		h, end := ownFrame(b)
		size += sealedSize(int(h.Size))
		b = b[end:]
	}
	w.sealed = newBuffer(size)
	wire := w.sealed.b[:0]
	for b := w.out.b; len(b) > 0; {
		h, end := ownFrame(b)
		wire = zmtp.AppendHeader(wire, 0, curve.Overhead+int(h.Size))
		// The flags that are sealed stand right before the body, where the
		// header ends, for as long as it takes.
		flagged := b[h.Len-1 : end]
		last := flagged[0]
		flagged[0] = sealedFlags(h)
		wire = w.session.Seal(wire, flagged)
		flagged[0] = last
		b = b[end:]
	}
	w.wire = wire
}

// ownFrame returns the first frame of what we wrote ourselves, and its length.
func ownFrame(b []byte) (h zmtp.Header, end int) {
	h, _, _ = zmtp.ParseHeader(b)
	return h, h.Len + int(h.Size)
}

func sealedFlags(h zmtp.Header) (flags byte) {
	if h.More() {
		flags |= curve.FlagMore
	}
	if h.Command() {
		flags |= curve.FlagCommand
	}
	return flags
}

// begun returns the length of those messages in out of which the kernel has
// taken some byte, when it has taken n bytes of what is on the wire.
func (w *writer) begun(n int) int {
	if w.session == nil {
		return zmtp.BegunMessages(w.out.b, n)
	}
	plain, sealed := 0, 0
	for sealed < n && plain < len(w.out.b) {
		for more := true; more && plain < len(w.out.b); {
			h, end := ownFrame(w.out.b[plain:])
			plain += end
			sealed += sealedSize(int(h.Size))
			more = h.More()
		}
	}
	return plain
}

// unseal forgets what was sealed.
func (w *writer) unseal() {
	w.wire = nil
	if w.sealed != nil {
		w.sealed.free()
		w.sealed = nil
	}
}
