package link

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
)

const (
	// smallIncoming is the memory that a peer gets for a message without waiting:
	// the first buffer and, with CURVE, the buffer of the sealed bytes.
	smallIncoming = 128 << 10
	// incomingStep is how many bytes of a message are progress.
	incomingStep = 64 << 10
	// roomPause is how long a reader waits before it looks for room again.
	roomPause = 10 * time.Millisecond
)

// An incoming accounts for the memory of a partly received message, and for its
// progress. The reader uses it; other goroutines use the atomic fields.
type incoming struct {
	held  int64     // counted bytes; 0: no message is partly received
	ended bool      // a message or a command has ended since mark
	bytes uint64    // the number of bytes read when mark was set
	left  time.Time // when the reader stopped waiting for the peer

	counted     atomic.Int64 // bytes in the share, until giveBack
	mark        atomic.Int64 // of the last progress, in ns since the connection began
	waiting     atomic.Bool  // for bytes of the peer
	interrupted atomic.Bool
	stalled     atomic.Pointer[error] // why the message must be given up
}

// hold counts the memory that the next read needs for a partly received message,
// and waits until there is room for it.
func (c *Conn) hold() error {
	rd := &c.reader
	in := &rd.incoming
	if !rd.partial() {
		rd.letGo(c)
		return nil
	}
	now := time.Now()
	switch since := int64(now.Sub(c.since)); {
	case in.held == 0 || in.ended || rd.count.bytes-in.bytes >= incomingStep:
		in.ended, in.bytes = false, rd.count.bytes
		in.mark.Store(since)
	default: // the peer is not responsible for the time in which we did not read
		in.mark.Store(min(since, in.mark.Load()+int64(now.Sub(in.left))))
	}
	in.left = now
	if need := rd.memory(); need != in.held {
		if err := c.takeRoom(need); err != nil {
			return err
		}
	}
	in.waiting.Store(true)
	return nil
}

// arrived records that a whole message has come.
func (c *Conn) arrived() {
	in := &c.reader.incoming
	in.ended = true
	if in.held > smallIncoming {
		c.reader.letGo(c)
	}
}

// waited ends the wait for the peer's bytes that hold began.
func (in *incoming) waited() {
	if in.held > 0 {
		in.waiting.Store(false)
		in.left = time.Now()
	}
}

// letGo returns the memory that the reader has counted to the share.
func (rd *reader) letGo(c *Conn) {
	if rd.incoming.held > 0 {
		rd.incoming.held = 0
		c.giveBack()
	}
}

// giveBack returns the counted memory to the share. While the connection is open
// only the reader may call it; once it is closed, any goroutine may.
func (c *Conn) giveBack() { c.cfg.incoming.free(c, c.reader.incoming.counted.Swap(0)) }

// takeRoom counts need bytes in place of the bytes counted before.
func (c *Conn) takeRoom(need int64) error {
	in := &c.reader.incoming
	if need < in.held {
		c.reader.letGo(c)
		c.cfg.incoming.held.Add(need)
	} else if err := c.awaitRoom(need - in.held); err != nil {
		return err
	}
	in.counted.Add(need - in.held)
	in.held = need
	if err := c.Err(); err != nil { // detach has returned the bytes that were counted before
		c.reader.letGo(c)
		return err
	}
	return nil
}

// awaitRoom adds n bytes to the share. It waits while there is no room, unless
// the message is small.
func (c *Conn) awaitRoom(n int64) error {
	in, share := &c.reader.incoming, c.cfg.incoming
	if share.take(n) {
		return nil
	}
	if in.held+n <= smallIncoming {
		share.held.Add(n)
		share.endStalled(n)
		return nil
	}
	c.Pause()
	defer c.Unpause()
	look := time.NewTicker(roomPause)
	defer look.Stop()
	for !share.take(n) && !share.exceed(c, n) {
		share.endStalled(n)
		if in.interrupted.Load() {
			return ErrInterrupted
		}
		select {
		case <-look.C:
		case <-c.closed:
			return c.Err()
		}
	}
	in.mark.Store(int64(time.Since(c.since)))
	return nil
}

// giveUp makes the reader give up the message that it waits for, because of reason.
func (c *Conn) giveUp(reason error) {
	if c.reader.incoming.stalled.CompareAndSwap(nil, &reason) {
		c.expire()
	}
}

// stalled returns the reason of giveUp if giveUp caused err, an error of a read;
// otherwise nil. It first frees the message's memory and sends the peer the reason.
func (c *Conn) stalled(err error) error {
	rd := &c.reader
	reason := rd.incoming.stalled.Load()
	if reason == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	rd.abandon()
	rd.letGo(c)
	c.violated.Store(true)
	rd.err, rd.errSent = *reason, true
	c.farewell(rd.err)
	return rd.err
}

// abandon frees the memory of a partly received message. Nothing is read
// afterwards.
func (rd *reader) abandon() {
	rd.scanner.Skip()
	rd.readBuffer.abandon()
	if rd.opener != nil {
		rd.opener.abandon()
	}
}

// memory returns how much memory the reader needs for the next read.
func (rd *reader) memory() int64 {
	if rd.opener == nil {
		return int64(rd.grown(rd.scanner.Need()))
	}
	return int64(rd.size() + rd.opener.grown(rd.opener.need))
}
