package link

import (
	"errors"
	"fmt"
	"net"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An unsealer opens MESSAGE commands as they come (RFC 26). What they carry it
// adds to the reader's intake, as plain frames, so that whoever parses need not
// know of it.
type unsealer struct {
	intake  // what has come, sealed
	session *curve.Session
	largest uint64 // bytes of a command
	need    int    // bytes wanted before the next command is whole
	err     error  // what has come cannot be trusted

	unused zmtp.Scratch // of its buffer
}

func newUnsealer(raw net.Conn, session *curve.Session, limits zmtp.Limits) *unsealer {
	u := &unsealer{session: session, largest: uint64(max(limits.MaxFrame, limits.MaxCommand) + curve.Overhead)}
	u.intake.init(raw, &u.unused)
	return u
}

// fill reads once, and adds what is whole to the reader's intake. That may be
// nothing yet. It returns how many bytes were read.
func (u *unsealer) fill(to *intake) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	u.makeRoom(u.need)
	n, err := u.read()
	if n <= 0 {
		return n, err
	}
	u.w += n
	u.err = u.open(to)
	u.release()
	return n, nil // an error comes back when what stands before it has been used
}

// open opens every command that is whole.
func (u *unsealer) open(to *intake) error {
	for u.r < u.w {
		b := u.buf.b[u.r:u.w]
		h, ok, err := zmtp.ParseHeader(b)
		if err != nil {
			return err
		}
		if !ok {
			u.need = len(b) + 1
			return nil
		}
		if err := u.admit(h); err != nil {
			return err
		}
		end := h.Len + int(h.Size)
		if end > len(b) {
			u.need = end
			return nil
		}
		if err := u.add(to, b[h.Len:end]); err != nil {
			return err
		}
		u.r += end
		u.need = 0
	}
	return nil
}

// admit checks a claimed size before anything is kept for it. The flags of the
// outer frame are not protected and mean nothing: libzmq sends MESSAGE as if it
// were none, others as the command that it is.
func (u *unsealer) admit(h zmtp.Header) error {
	if h.More() {
		return errors.New("frame has the MORE flag set outside of its box")
	}
	if h.Size > u.largest {
		return fmt.Errorf("sealed frame of %d bytes exceeds the limit of %d (raise it with WithMaxMessageSize)", h.Size, u.largest)
	}
	return nil
}

// add opens a command and adds what it carries as a frame.
func (u *unsealer) add(to *intake, command []byte) error {
	size := max(len(command)-curve.Overhead, 0)
	head := zmtp.HeaderSize(size)
	to.reserve(head + size)
	// The flags come out right before the body, where the header is to end.
	at := to.w + head - 1
	plain, err := u.session.Open(to.buf.b[:at], command)
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
