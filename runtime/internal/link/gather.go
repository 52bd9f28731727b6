package link

// A Gathered is the connections to which one goroutine has committed messages that
// it has not written yet, so that few writes take many messages. It is not for
// concurrent use. Write must be called before the goroutine waits for anything. A
// nil one holds nothing back: its Commit is Conn.CommitLater.
type Gathered struct {
	conns []*Conn
	due   bool // much is held back
}

const (
	// gatheredOwn is how many connections Write writes to in the caller's
	// goroutine, one after the other. Where there are more, goroutines write to
	// all but the last.
	gatheredOwn = 4
	// gatheredPart is the part of a peer's queue that may be held back.
	gatheredPart = 2
)

// Commit is Conn.Commit, which ends what c.Begin began, but for the write: that is
// left to Write. What others commit to c meanwhile is written with it, by whoever
// writes first.
func (g *Gathered) Commit(c *Conn, b []byte) {
	if g == nil {
		c.CommitLater(b)
		return
	}
	w := &c.writer
	first := !w.pending()
	w.commit(b)
	if w.busy || w.corked > 0 || w.err != nil {
		w.mu.Unlock()
		return
	}
	if w.corkFull() || w.msgs >= c.cfg.SendQueue/gatheredPart || w.bytes >= c.cfg.SendQueueBytes/gatheredPart {
		g.due = true
	}
	w.mu.Unlock()
	if first {
		g.conns = append(g.conns, c)
	}
}

// WriteDue is Write once as much waits for a peer as a Cork holds back, or half of
// its queue is full. Call it after each Commit, with no lock held.
func (g *Gathered) WriteDue() {
	if g.due {
		g.Write()
	}
}

// Write writes what Commit has held back, without waiting for the peers. It returns
// false if there was nothing.
func (g *Gathered) Write() bool {
	n := len(g.conns)
	for i, c := range g.conns {
		g.conns[i] = nil
		c.writeGathered(i == n-1 || n <= gatheredOwn && c.writer.session == nil)
	}
	g.conns, g.due = g.conns[:0], false
	return n > 0
}

// writeGathered writes what waits, in the caller's goroutine or in another one.
func (c *Conn) writeGathered(own bool) {
	w := &c.writer
	w.mu.Lock()
	if own {
		c.writePending()
	} else {
		c.flushLater(w.corked > 0 || !w.pending())
	}
}
