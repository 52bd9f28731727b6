package link

import (
	"bytes"
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
	readBuffer
	scanner   zmtp.Scanner
	handedOut bool      // a message was handed out and must be skipped
	tooLarge  error     // the error of a message after a batch; the scanner has its beginning
	kept      [][]byte  // the topic of a publication that the peer did not send (OVERSIZED); nil: none
	err       error     // why reading has failed
	errSent   bool      // to the peer
	opener    *opener   // nil: frames are not sealed
	at        time.Time // when bytes were last read

	incoming incoming

	count     readCount
	published publishedCount
}

func (rd *reader) init(raw net.Conn, session *curve.Session, limits zmtp.Limits) {
	rd.readBuffer.init(raw, &rd.scanner.Scratch)
	rd.scanner.Limits = limits
	if session != nil {
		rd.opener = newOpener(raw, session, limits)
		rd.scanner.Limits.Elided = largestWhole(limits)
	}
}

// Next returns the frames of the next message. They belong to the connection
// and are valid until the next call of Next or TryNext. After Interrupt it
// returns ErrInterrupted, loses nothing and can be called again. With
// Config.PassOver it returns, for a message that is too large, a *zmtp.SizeError
// and the frames before the one that exceeds the limit, as soon as that frame has
// begun; it can be called again, and then skips the message. Any other error is
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

// TryNext returns the next message if it has been read already, otherwise nil.
func (c *Conn) TryNext() ([][]byte, error) {
	rd := &c.reader
	found, err := c.parse()
	if !found && !rd.handedOut {
		c.pauseReader(err)
		return nil, err
	}
	return rd.beginning(), err
}

// parse looks for the next message in the buffer. When it finds one, or the
// beginning of one that is skipped, the scanner has its frames.
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
			rd.handedOut = true
			rd.count.messages++
			c.arrived()
			return true, nil
		case zmtp.Command:
			if err := c.keptBack(rd.scanner.Body(b)); err != nil {
				return false, err
			}
			rd.err = c.command(rd.scanner.Body(b))
			if rd.scanner.Idle() {
				rd.incoming.ended = true
				rd.handedOut = true
				rd.skip()
			}
		case zmtp.Dropped:
			rd.handedOut = true
			rd.skip()
		default:
			return false, nil
		}
	}
	if rd.err != nil {
		c.violated.Store(true)
	}
	return false, rd.err
}

// passOver skips a message that is too large, if the configuration says so.
func (rd *reader) passOver(b []byte, err error) bool {
	rd.handedOut = errors.As(err, new(*zmtp.SizeError)) && rd.scanner.Drop(b)
	return rd.handedOut
}

// keptBack returns the size error of an OVERSIZED command, which a subscriber
// treats like a message that is too large. For any other command it returns nil.
func (c *Conn) keptBack(command []byte) error {
	rd := &c.reader
	if c.cfg.SocketType != zmtp.Sub && c.cfg.SocketType != zmtp.XSub || !c.cfg.PassOver || !rd.scanner.Idle() {
		return nil
	}
	name, body, err := zmtp.ParseCommand(command)
	if err != nil || string(name) != zmtp.CommandOversized {
		return nil
	}
	size, topic, ok := zmtp.ParseOversized(body)
	if !ok {
		return nil
	}
	rd.handedOut = true
	rd.kept = [][]byte{}
	if topic != nil {
		rd.kept = append(rd.kept, bytes.Clone(topic)) // the buffer may be handed out with an earlier batch
	}
	return &zmtp.SizeError{Size: size, Limit: c.cfg.MaxMessageSize, Kept: true}
}

// beginning returns the frames of the message that was handed out.
func (rd *reader) beginning() [][]byte {
	if rd.kept != nil {
		return rd.kept
	}
	return rd.scanner.Frames(rd.buf.b[rd.r:rd.w])
}

// Pending reports whether there are bytes that were read but not yet handed out. A
// whole message may be among them.
func (c *Conn) Pending() bool {
	rd := &c.reader
	if !rd.handedOut {
		return rd.r < rd.w
	}
	return rd.scanner.Passed() < rd.w-rd.r
}

// ReadAt returns when the message that was handed out, and all messages read
// together with it, were read. It is for the reading goroutine.
func (c *Conn) ReadAt() time.Time { return c.reader.at }

// Ahead returns the bytes that were read but not yet handed out, which begin with a
// message or a command. They are valid until the next call of Next or TryNext. It
// is for the reading goroutine, after a message was handed out.
func (c *Conn) Ahead() []byte {
	rd := &c.reader
	b := rd.buf.b[rd.r:rd.w]
	if rd.handedOut {
		b = b[rd.scanner.Passed():]
	}
	return b
}

// TakeAhead passes over what was handed out, and over n bytes of Ahead, which are
// so many whole messages that the caller has found there. None of their frames may
// be larger than MaxMessageSize. It is for the reading goroutine.
func (c *Conn) TakeAhead(n, messages int) {
	rd := &c.reader
	rd.skip()
	rd.r += n
	rd.count.messages += uint64(messages)
	c.arrived()
}

// MaxMessageSize returns how many bytes a message's body may have.
func (c *Conn) MaxMessageSize() int { return c.cfg.MaxMessageSize }

// Interrupt makes a blocked Next, and each further one until Resume, return
// ErrInterrupted when it would have to wait. It may be called from any goroutine.
func (c *Conn) Interrupt() {
	c.reader.incoming.interrupted.Store(true)
	c.expire()
}

// expire ends the wait for the peer's bytes.
func (c *Conn) expire() { _ = c.raw.SetReadDeadline(time.Unix(1, 0)) }

// Resume ends an interruption.
func (c *Conn) Resume() {
	c.reader.incoming.interrupted.Store(false)
	_ = c.raw.SetReadDeadline(time.Time{})
	if c.reader.incoming.stalled.Load() != nil {
		c.expire()
	}
}

func (rd *reader) skip() {
	if rd.handedOut {
		rd.handedOut, rd.kept = false, nil
		rd.r += rd.scanner.Skip()
	}
}

// pauseReader is called when the buffer has no message. If err is set no message
// will follow, and the peer gets the reason, unless err is about a message that is
// skipped.
func (c *Conn) pauseReader(err error) {
	rd := &c.reader
	rd.published.publish(rd.count)
	if err == nil {
		rd.release()
		return
	}
	if !rd.errSent && !rd.handedOut {
		rd.errSent = true
		c.farewell(err)
	}
}

// drop discards the unread bytes and ends reading with reason, for which we have
// closed the connection.
func (rd *reader) drop(reason error) {
	if rd.err == nil {
		rd.err, rd.errSent = reason, true
	}
}

// fill waits for bytes and reads them.
func (c *Conn) fill() error {
	rd := &c.reader
	if err := c.hold(); err != nil {
		return err
	}
	n, err := rd.more()
	rd.incoming.waited()
	if n > 0 {
		rd.count.bytes += uint64(n)
		c.liveness.noteRead()
		rd.at = time.Now()
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	if err := c.stalled(err); err != nil {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrInterrupted
	}
	if reason := c.Err(); reason != nil {
		return reason
	}
	if c.closing.Load() && !rd.partial() {
		return ErrClosed // the peer has also closed its direction
	}
	if errors.Is(err, io.EOF) && rd.partial() {
		return fmt.Errorf("peer closed the connection within a message: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// more reads once; it returns how many bytes were read.
func (rd *reader) more() (int, error) {
	if rd.opener != nil {
		return rd.opener.fill(&rd.readBuffer)
	}
	rd.makeRoom(rd.scanner.Need())
	n, err := rd.read()
	if n > 0 {
		rd.w += n
	}
	return n, err
}

// partial reports whether a message has begun but not ended.
func (rd *reader) partial() bool {
	return rd.r < rd.w || rd.scanner.Dropping() || rd.opener != nil && (rd.opener.r < rd.opener.w || rd.opener.drop != nil)
}

// command handles one command (RFC 37, "Traffic").
func (c *Conn) command(b []byte) error {
	name, body, err := zmtp.ParseCommand(b)
	if err != nil {
		return err
	}
	switch string(name) {
	case zmtp.CommandPing:
		c.pacePing()
		return c.pong(body)
	case zmtp.CommandPong:
		c.fence.passed(body)
		return nil
	case zmtp.CommandError:
		return &EndedError{Reason: zmtp.ParseErrorCommand(body)}
	}
	if c.Command != nil {
		return c.Command(name, body)
	}
	return nil
}
