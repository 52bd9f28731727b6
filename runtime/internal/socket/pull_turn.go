package socket

// A turn is the right to receive from a Pull whose messages are not received by
// Recv. One goroutine has it at a time: the reader of a connection, which gets it
// with messages while nobody else has it, or the one in AwaitTurn. So messages that
// can be passed on at once never go from one goroutine to another. Somebody has the
// turn, or it is passed, whenever a message is ready. The socket's lock guards the
// fields.
type turn struct {
	lead   func() // nil: messages are received by Recv
	taken  bool
	passed bool // to AwaitTurn
}

// TakeTurns has lead called by a reader that has got the turn with messages. It is to
// receive with TryRecv until that returns false, or to end with PassTurn, and must
// not wait. Call it before the first connection.
func (p *Pull) TakeTurns(lead func()) { p.turn.lead = lead }

// TryRecv returns the next message to whoever has the turn. If there is none it
// returns false, and gives the turn up.
func (p *Pull) TryRecv() (Received, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ready) == 0 {
		p.turn.taken = false
		return Received{}, false
	}
	return p.next(), true
}

// PassTurn passes the turn to the goroutine in AwaitTurn, or the next one there.
func (p *Pull) PassTurn() {
	p.mu.Lock()
	p.turn.passed = true
	p.wake.Notify()
	p.mu.Unlock()
}

// AwaitTurn waits for PassTurn, and returns true with the turn. It returns false
// once nothing more will be read.
func (p *Pull) AwaitTurn() bool {
	for {
		p.mu.Lock()
		passed, ended, wake := p.turn.passed, p.ended, p.wake.Changed()
		p.turn.passed = false
		p.mu.Unlock()
		if passed || ended {
			return passed
		}
		<-wake
	}
}

// announce wakes who waits for a message, which has become ready, or returns true
// when the caller has got the turn. p.mu is held.
func (p *Pull) announce() (lead bool) {
	if p.turn.lead == nil {
		p.wake.Notify()
		return false
	}
	lead, p.turn.taken = !p.turn.taken, true
	return lead
}
