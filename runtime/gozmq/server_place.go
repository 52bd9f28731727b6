package gozmq

// acquire takes a place for the call among those that run, or that wait.
func (c *serverCall) acquire() error {
	s, isStream := c.server, c.handler.stream != nil
	if isStream && !s.limiter.spares(int(c.peer.Held.Load())) {
		s.limiter.refused.Add(1)
		return Errorf(CodeResourceExhausted, "%s: the streams of this connection, or all together, take too many of the server's places (WithConcurrency)", c.handler.method.Procedure)
	}
	var ok bool
	if c.turn, ok = s.limiter.acquire(); !ok {
		s.limiter.refused.Add(1)
		return Errorf(CodeResourceExhausted, "the server runs %d calls already, and %d wait", s.cfg.concurrency, s.cfg.queue)
	}
	if isStream {
		c.peer.Held.Add(1)
	}
	return nil
}

// leave gives back the place.
func (c *serverCall) leave() {
	if c.handler.stream != nil {
		c.peer.Held.Add(-1)
	}
	if c.turn == nil || !c.server.limiter.giveUp(c.turn) {
		c.server.limiter.release()
	}
}
