package link

import (
	"math"
	"net"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A progress tracks the bytes that a silent peer accepts. Only the group's clock
// uses it.
type progress struct {
	known    bool   // taken and waiting are from the last beat
	taken    uint64 // bytes that the peer's kernel has accepted
	waiting  bool   // more bytes were queued
	messages uint64 // the number handed to the kernel when bytes last came from the peer
}

// noteAlive records that bytes came from the peer.
func (c *Conn) noteAlive() {
	p := &c.liveness.progress
	p.known = false
	if c.oneWay() {
		p.messages, _ = c.handedOver()
	}
}

// showsProgress reports whether a peer that has sent nothing shows in another way
// that it is alive: its kernel has accepted bytes of queued messages since the last
// beat, so the peer reads. Our PINGs, and bytes that did not have to wait, prove
// nothing: a kernel accepts them for a process that hangs, too.
func (c *Conn) showsProgress(limit time.Duration) bool {
	p := &c.liveness.progress
	messages, end := c.handedOver()
	before := *p
	p.taken = c.writer.taken.Load() - uint64(unacknowledged(c.raw))
	p.known, p.waiting = true, p.taken < end
	if before.known && before.waiting && p.taken > before.taken {
		return true
	}
	return c.isSlow(messages > before.messages || p.waiting, limit)
}

// isSlow reports whether the peer may be silent because its queue is full. A libzmq
// PULL or SUB whose program is busy reads nothing then, and so answers no PING.
// It is slow and not dead as long as its kernel answers ours. The silence of other
// peers means that they are dead: a peer that sends PINGs sends them all the time,
// and our own ends give signs of life while they do not read.
func (c *Conn) isSlow(has bool, limit time.Duration) bool {
	return has && c.oneWay() && !c.Gozmq() && !c.liveness.pings.Load() && kernelAnswers(c.raw, limit)
}

// oneWay reports whether messages go only from us to the peer.
func (c *Conn) oneWay() bool {
	switch c.cfg.SocketType {
	case zmtp.Push, zmtp.Pub, zmtp.XPub:
		return true
	}
	return false
}

// handedOver returns how many messages our kernel has accepted, and the offset in
// the stream at which the last one ends; while messages are queued, the offset is
// unknown, and the largest number.
func (c *Conn) handedOver() (messages, end uint64) {
	w := &c.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	waiting := w.out.messages() + w.cur.messages()
	for i := range w.full {
		waiting += w.full[i].messages()
	}
	if waiting > 0 {
		return w.handed.messages, math.MaxUint64
	}
	return w.handed.messages, w.handed.end
}

// messages returns how many messages the chunk has, without commands.
func (c *chunk) messages() int { return c.msgs - c.commands }

// writeStep is how much is written at once on a connection that does not show the
// progress of a write.
const writeStep = 64 << 10

// writeSteps writes p, and counts the accepted bytes after each step.
func (w *writer) writeSteps(raw net.Conn, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = raw.Write(p[n:min(len(p), n+writeStep)])
		n += m
		w.taken.Add(uint64(m))
	}
	return n, err
}
