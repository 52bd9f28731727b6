package link

import (
	"errors"
	"fmt"
	"net"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An opener opens MESSAGE commands as they arrive (RFC 26). It adds the frames that
// they carry to the reader's buffer, as plain frames, so that the parser need not
// know about CURVE.
type opener struct {
	readBuffer // of sealed bytes
	session    *curve.Session
	largest    uint64 // bytes of a command
	droppable  uint64 // the largest command that is skipped, in bytes; 0: none is
	need       int    // bytes wanted before the next command is whole
	err        error  // why the stream cannot be trusted

	drop *curve.Drop // of a command that is being skipped; nil: none is
	size int         // of its content
	left uint64      // its bytes that are still to come

	unused zmtp.Scratch // of its buffer
}

func newOpener(raw net.Conn, session *curve.Session, limits zmtp.Limits) *opener {
	o := &opener{session: session, largest: uint64(largestWhole(limits) + curve.Overhead)}
	if limits.MaxDropped > 0 {
		o.droppable = uint64(limits.MaxDropped + curve.Overhead)
	}
	o.readBuffer.init(raw, &o.unused)
	return o
}

// largestWhole returns the size up to which frames are opened. Only the header of a
// larger one is added.
func largestWhole(l zmtp.Limits) int { return max(l.MaxFrame, l.MaxCommand) }

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
	return n, nil // the next call returns the error, once the frames before it were used
}

// open opens every command that is whole.
func (o *opener) open(to *readBuffer) error {
	for o.r < o.w {
		b := o.buf.b[o.r:o.w]
		if o.drop != nil {
			if err := o.dropSome(to, b); err != nil {
				return err
			}
			continue
		}
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
		whole := h.Size <= o.largest
		end := h.Len + int(h.Size)
		if !whole {
			end = h.Len + curve.DropHead
		}
		if end > len(b) {
			o.need = end
			return nil
		}
		if whole {
			err = o.add(to, b[h.Len:end])
		} else {
			err = o.beginDrop(h, b[h.Len:end])
		}
		if err != nil {
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
	if h.Size > max(o.largest, o.droppable) {
		return fmt.Errorf("sealed frame of %d bytes exceeds the limit of %d (raise it with WithMaxMessageSize)", h.Size, o.largest)
	}
	return nil
}

// add opens a command and adds its content as a frame.
func (o *opener) add(to *readBuffer, command []byte) error {
	size := max(len(command)-curve.Overhead, 0)
	head := zmtp.HeaderSize(size)
	to.reserve(head + size)
	// The flags are opened into the byte before the body, where the header must
	// end.
	at := to.w + head - 1
	plain, err := o.session.Open(to.buf.b[:at], command)
	if err != nil {
		return err
	}
	zmtp.AppendHeader(to.buf.b[:to.w], plainFlags(plain[at]), size)
	to.w += head + size
	return nil
}

// maxDropRead is how many bytes of a skipped command are read at once.
const maxDropRead = 64 << 10

// beginDrop starts to skip a command that is too large.
func (o *opener) beginDrop(h zmtp.Header, head []byte) (err error) {
	o.drop, err = o.session.NewDrop(head)
	o.size, o.left = int(h.Size)-curve.Overhead, h.Size-uint64(curve.DropHead)
	return err
}

// dropSome skips the next bytes of a command. At the command's end, and only if it
// is authentic, it adds the frame's header without the body.
func (o *opener) dropSome(to *readBuffer, b []byte) error {
	n := min(o.left, uint64(len(b)))
	o.drop.Write(b[:n])
	o.r += int(n)
	o.left -= n
	o.need = int(min(o.left, maxDropRead))
	if o.left > 0 {
		return nil
	}
	sealed, err := o.drop.End()
	o.drop = nil
	if err != nil {
		return err
	}
	head := zmtp.HeaderSize(o.size)
	to.reserve(head)
	zmtp.AppendHeader(to.buf.b[:to.w], plainFlags(sealed), o.size)
	to.w += head
	return nil
}

// plainFlags returns the flags of a frame for those within a box.
func plainFlags(sealed byte) (flags byte) {
	if sealed&curve.FlagMore != 0 {
		flags |= zmtp.FlagMore
	}
	if sealed&curve.FlagCommand != 0 {
		flags |= zmtp.FlagCommand
	}
	return flags
}
