package link

import (
	"math"
	"net"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A progress is what the group's clock knows of the bytes that a silent peer takes.
// Only the clock uses it.
type progress struct {
	known    bool   // taken and waiting are those of the last beat
	taken    uint64 // bytes that the peer's kernel has taken
	waiting  bool   // there were more
	messages uint64 // handed to the kernel when bytes last came from the peer
}

// noteAlive notes that bytes came from the peer.
func (c *Conn) noteAlive() {
	p := &c.liveness.progress
	p.known = false
	if c.oneWay() {
		p.messages, _ = c.handedOver()
	}
}

// showsProgress reports whether the peer, which has sent nothing, shows
// otherwise that it is there. Messages that had to wait and of which its kernel
// has taken bytes since the last beat show that it reads. Our PINGs, and what
// had not to wait, show nothing: a kernel takes those for a process that hangs,
// too.
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
// It is slow and not dead as long as its kernel answers ours. A peer that sends
// PINGs of its own does so all the time, and one of ours gives signs of life
// while it does not read, so that their silence means more.
func (c *Conn) isSlow(has bool, limit time.Duration) bool {
	return has && c.oneWay() && !c.Gozmq() && !c.liveness.pings.Load() && kernelAnswers(c.raw, limit)
}

// oneWay reports whether messages go from us to the peer only.
func (c *Conn) oneWay() bool {
	switch c.cfg.SocketType {
	case zmtp.Push, zmtp.Pub, zmtp.XPub:
		return true
	}
	return false
}

// handedOver returns how many messages our kernel has taken, and after how many
// bytes in all the last message ends; while messages wait that is not known,
// and the largest number.
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

// messages returns how many messages the chunk has besides commands.
func (c *chunk) messages() int { return c.msgs - c.commands }

// writeStep is how much is written at once where a write in progress does not
// show how far it is.
const writeStep = 64 << 10

// writeSteps writes p, and counts what the kernel takes as it does.
func (w *writer) writeSteps(raw net.Conn, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = raw.Write(p[n:min(len(p), n+writeStep)])
		n += m
		w.taken.Add(uint64(m))
	}
	return n, err
}
