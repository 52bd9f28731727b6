package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A reader parses messages in place from one buffer.
type reader struct {
	intake
	scanner zmtp.Scanner
	taken   bool      // a message was handed out and is to be skipped
	err     error     // what was read is not ZMTP, or not wanted
	sealed  *unsealer // what it comes through; nil: it comes as it is

	count readCount
	seen  publishedCount
}

func (rd *reader) init(raw net.Conn, session *curve.Session, limits zmtp.Limits) {
	rd.intake.init(raw, &rd.scanner.Scratch)
	rd.scanner.Limits = limits
	if session != nil {
		rd.sealed = newUnsealer(raw, session, limits)
	}
}

// Next returns the frames of the next message. They belong to the connection
// and are valid until the next call of Next or TryNext. After Interrupt it
// returns ErrInterrupted, loses nothing and can be called again. With
// Config.PassOver it returns, for a message that is too large, a *zmtp.SizeError
// and the frames before the one that goes beyond the limit, as soon as that has
// begun; it can be called again, and passes over the rest. Any other error is
// final, and comes without frames.
func (c *Conn) Next() ([][]byte, error) {
	for {
		frames, err := c.TryNext()
		if frames != nil || err != nil {
			return frames, err
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// TryNext returns the next message if it has been read already, else nil.
func (c *Conn) TryNext() ([][]byte, error) {
	rd := &c.reader
	found, err := c.parse()
	if !found && !rd.taken {
		rd.pause(err)
		return nil, err
	}
	return rd.scanner.Frames(rd.buf.b[rd.r:rd.w]), err
}

// parse looks for the next message among what has been read, which the scanner
// then has, or the beginning of one that is passed over.
func (c *Conn) parse() (found bool, err error) {
	rd := &c.reader
	rd.skip()
	for rd.r < rd.w && rd.err == nil {
		b := rd.buf.b[rd.r:rd.w]
		token, err := rd.scanner.Next(b)
		if err != nil {
			if rd.passOver(b, err) {
				return false, err
			}
			rd.err = err
			break
		}
		switch token {
		case zmtp.Message:
			rd.taken = true
			rd.count.messages++
			return true, nil
		case zmtp.Command:
			rd.err = c.command(rd.scanner.Body(b))
			if rd.scanner.Idle() {
				rd.taken = true
				rd.skip()
			}
		case zmtp.Dropped:
			rd.taken = true
			rd.skip()
		default:
			return false, nil
		}
	}
	if rd.err != nil {
		c.offended.Store(true)
	}
	return false, rd.err
}

// passOver goes on behind a message that is too large, if that is wanted.
func (rd *reader) passOver(b []byte, err error) bool {
	rd.taken = errors.As(err, new(*zmtp.SizeError)) && rd.scanner.Drop(b)
	return rd.taken
}

// Pending reports whether bytes are there that were read and not yet handed
// out. A whole message may be among them.
func (c *Conn) Pending() bool {
	rd := &c.reader
	if !rd.taken {
		return rd.r < rd.w
	}
	return rd.scanner.Passed() < rd.w-rd.r
}

// Interrupt makes a blocked Next, and each further one until Resume, return
// ErrInterrupted when it would have to wait. From any goroutine.
func (c *Conn) Interrupt() { _ = c.raw.SetReadDeadline(time.Unix(1, 0)) }

// Resume ends an interruption.
func (c *Conn) Resume() { _ = c.raw.SetReadDeadline(time.Time{}) }

func (rd *reader) skip() {
	if rd.taken {
		rd.taken = false
		rd.r += rd.scanner.Skip()
	}
}

// pause is called when no message is there, and none will come if err is set.
func (rd *reader) pause(err error) {
	rd.seen.publish(rd.count)
	if err == nil {
		rd.release()
	}
}

// fill waits for bytes and reads them.
func (c *Conn) fill() error {
	rd := &c.reader
	n, err := rd.more()
	if n > 0 {
		rd.count.bytes += uint64(n)
		c.pulse.heard()
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrInterrupted
	}
	if reason := c.Err(); reason != nil {
		return reason
	}
	if c.closing.Load() && !rd.partial() {
		return ErrClosed // the peer has followed
	}
	if errors.Is(err, io.EOF) && rd.partial() {
		return fmt.Errorf("peer closed the connection within a message: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// more reads once; it returns how many bytes came.
func (rd *reader) more() (int, error) {
	if rd.sealed != nil {
		return rd.sealed.fill(&rd.intake)
	}
	rd.makeRoom(rd.scanner.Need())
	n, err := rd.read()
	if n > 0 {
		rd.w += n
	}
	return n, err
}

// partial reports whether something has come that is not whole.
func (rd *reader) partial() bool {
	return rd.r < rd.w || rd.scanner.Dropping() || rd.sealed != nil && rd.sealed.r < rd.sealed.w
}

// command deals with one command (RFC 37, "Traffic").
func (c *Conn) command(b []byte) error {
	name, body, err := zmtp.ParseCommand(b)
	if err != nil {
		return err
	}
	switch string(name) {
	case zmtp.CommandPing:
		return c.pong(body)
	case zmtp.CommandPong:
		c.marker.passed(body)
		return nil
	case zmtp.CommandError:
		return &EndedError{Reason: zmtp.ParseErrorCommand(body)}
	}
	if c.Command != nil {
		return c.Command(name, body)
	}
	return nil
}
