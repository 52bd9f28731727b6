package link

import (
	"errors"
	"fmt"
	"net"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An opener opens MESSAGE commands as they arrive (RFC 26). It adds the frames that
// they carry to the reader's buffer, as plain frames, so that the parser need
// not know about it.
type opener struct {
	readBuffer // of sealed bytes
	session    *curve.Session
	largest    uint64 // bytes of a command
	need       int    // bytes wanted before the next command is whole
	err        error  // why the stream cannot be trusted

	unused zmtp.Scratch // of its buffer
}

func newOpener(raw net.Conn, session *curve.Session, limits zmtp.Limits) *opener {
	o := &opener{session: session, largest: uint64(max(limits.MaxFrame, limits.MaxCommand) + curve.Overhead)}
	o.readBuffer.init(raw, &o.unused)
	return o
}

// fill reads once, and adds the frames of every whole command to the reader's
// buffer. There may be none yet. It returns how many bytes were read.
func (o *opener) fill(to *readBuffer) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	o.makeRoom(o.need)
	n, err := o.read()
	if n <= 0 {
		return n, err
	}
	o.w += n
	o.err = o.open(to)
	o.release()
	return n, nil // the next call returns an error, after the frames before it were used
}

// open opens every command that is whole.
func (o *opener) open(to *readBuffer) error {
	for o.r < o.w {
		b := o.buf.b[o.r:o.w]
		h, ok, err := zmtp.ParseHeader(b)
		if err != nil {
			return err
		}
		if !ok {
			o.need = len(b) + 1
			return nil
		}
		if err := o.admit(h); err != nil {
			return err
		}
		end := h.Len + int(h.Size)
		if end > len(b) {
			o.need = end
			return nil
		}
		if err := o.add(to, b[h.Len:end]); err != nil {
			return err
		}
		o.r += end
		o.need = 0
	}
	return nil
}

// admit checks a claimed size before memory is allocated for it. The flags of
// the outer frame are not protected and mean nothing: libzmq sends MESSAGE
// without the COMMAND flag, others set it.
func (o *opener) admit(h zmtp.Header) error {
	if h.More() {
		return errors.New("frame has the MORE flag set outside of its box")
	}
	if h.Size > o.largest {
		return fmt.Errorf("sealed frame of %d bytes exceeds the limit of %d (raise it with WithMaxMessageSize)", h.Size, o.largest)
	}
	return nil
}

// add opens a command and adds its content as a frame.
func (o *opener) add(to *readBuffer, command []byte) error {
	size := max(len(command)-curve.Overhead, 0)
	head := zmtp.HeaderSize(size)
	to.reserve(head + size)
	// The flags come out right before the body, where the header is to end.
	at := to.w + head - 1
	plain, err := o.session.Open(to.buf.b[:at], command)
	if err != nil {
		return err
	}
	var flags byte
	if plain[at]&curve.FlagMore != 0 {
		flags |= zmtp.FlagMore
	}
	if plain[at]&curve.FlagCommand != 0 {
		flags |= zmtp.FlagCommand
	}
	zmtp.AppendHeader(to.buf.b[:to.w], flags, size)
	to.w += head + size
	return nil
}
