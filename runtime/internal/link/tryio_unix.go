//go:build unix

package link

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// A tryReader waits until bytes can be read and only then takes a buffer.
type tryReader interface {
	read(in *readBuffer) (int, error)
}

// A tryWriter writes the bytes that the kernel accepts without waiting.
type tryWriter interface {
	TryWrite(p []byte) (int, error)
}

func newTryReader(c net.Conn) tryReader {
	if raw := rawConn(c); raw != nil {
		r := &rawReader{conn: raw}
		r.step = r.once
		return r
	}
	return nil
}

func newTryWriter(c net.Conn) tryWriter {
	if w, ok := c.(tryWriter); ok {
		return w
	}
	if raw := rawConn(c); raw != nil {
		return rawWriter{raw}
	}
	return nil
}

func rawConn(c net.Conn) syscall.RawConn {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

type rawReader struct {
	conn syscall.RawConn
	step func(fd uintptr) bool // r.once, made once

	in  *readBuffer
	n   int
	err error
}

func (r *rawReader) read(in *readBuffer) (int, error) {
	r.in, r.n, r.err = in, 0, nil
	if err := r.conn.Read(r.step); err != nil {
		return 0, err
	}
	if r.n == 0 && r.err == nil {
		return 0, io.EOF
	}
	return r.n, r.err
}

// once tries to read; false means that no bytes are there yet. The buffer goes
// back to the pool before the wait.
func (r *rawReader) once(fd uintptr) bool {
	r.in.take()
	for {
		r.n, r.err = syscall.Read(int(fd), r.in.buf.b)
		if r.err != syscall.EINTR {
			break
		}
	}
	if r.n > 0 {
		return true
	}
	r.n = 0
	r.in.drop()
	return r.err != syscall.EAGAIN
}

type rawWriter struct{ conn syscall.RawConn }

// A tryWrite is one TryWrite in progress.
type tryWrite struct {
	step func(fd uintptr) bool // w.once, made once

	p     []byte
	n     int
	err   error
	taken *atomic.Uint64 // not nil: wait for the kernel, and count the accepted bytes
}

var tryWrites = sync.Pool{New: func() any {
	w := new(tryWrite)
	w.step = w.once
	return w
}}

// TryWrite writes the bytes that fit now. A count below len(p) with a nil error
// means that the kernel's buffer is full.
func (r rawWriter) TryWrite(p []byte) (int, error) {
	w := tryWrites.Get().(*tryWrite)
	w.p, w.taken = p, nil
	return r.write(w)
}

// writeAll writes p. It waits for the kernel, and counts in taken the bytes as the
// kernel accepts them.
func (r rawWriter) writeAll(p []byte, taken *atomic.Uint64) (int, error) {
	w := tryWrites.Get().(*tryWrite)
	w.p, w.taken = p, taken
	return r.write(w)
}

func (r rawWriter) write(w *tryWrite) (int, error) {
	err := r.conn.Write(w.step)
	if err == nil {
		err = w.err
	}
	n := w.n
	*w = tryWrite{step: w.step}
	tryWrites.Put(w)
	return n, err
}

// writeAll writes p, and counts the bytes as the kernel accepts them.
func (w *writer) writeAll(p []byte) (int, error) {
	if raw, ok := w.try.(rawWriter); ok {
		return raw.writeAll(p, &w.taken)
	}
	return w.writeSteps(w.raw, p)
}

func (w *tryWrite) once(fd uintptr) bool {
	for w.n < len(w.p) {
		n, err := syscall.Write(int(fd), w.p[w.n:])
		switch {
		case n > 0:
			w.n += n
			if w.taken != nil {
				w.taken.Add(uint64(n))
			}
		case err == syscall.EINTR:
		case err == syscall.EAGAIN || err == nil:
			return w.taken == nil
		default:
			w.err = err
			return true
		}
	}
	return true
}
