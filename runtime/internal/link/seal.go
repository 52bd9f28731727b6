package link

import (
	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// sealedSize returns how many bytes a frame with a body of that size has on the
// wire when it is sealed.
func sealedSize(size int) int {
	size += curve.Overhead
	return zmtp.HeaderSize(size) + size
}

// prepare sets wire to the frames in out, sealed if there is a session. It is
// called without the lock, by the goroutine that has set busy.
func (w *writer) prepare() {
	w.wire = w.out.b
	if w.session != nil {
		w.seal()
	}
}

// seal makes a MESSAGE command of each frame in out (RFC 26). Out keeps the plain
// frames, because messages that the kernel does not accept may go to another peer.
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
		// While a frame is sealed, its flags are in the last byte of the header,
		// right before the body.
		flagged := b[h.Len-1 : end]
		last := flagged[0]
		flagged[0] = sealedFlags(h)
		wire = w.session.Seal(wire, flagged)
		flagged[0] = last
		b = b[end:]
	}
	w.wire = wire
}

// ownFrame parses the first frame of b, which this side wrote. It returns the
// header and where the frame ends.
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

// begun returns the length of the messages in out of which the kernel has accepted
// at least one byte, when it has accepted n bytes of wire.
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

// wireLen returns how many bytes of wire correspond to the first n bytes of out,
// which are whole messages.
func (w *writer) wireLen(n int) int {
	if w.session == nil {
		return n
	}
	sealed := 0
	for plain := 0; plain < n; {
		h, end := ownFrame(w.out.b[plain:])
		plain += end
		sealed += sealedSize(int(h.Size))
	}
	return sealed
}

// dropSealed frees the sealed bytes.
func (w *writer) dropSealed() {
	w.wire = nil
	if w.sealed != nil {
		w.sealed.free()
		w.sealed = nil
	}
}
