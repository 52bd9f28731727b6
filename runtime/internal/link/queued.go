package link

// Queued returns how many bytes wait to be handed to the kernel.
func (c *Conn) Queued() int {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	return c.writer.bytes
}

// QueuedMessages returns how many messages and commands wait to be handed to
// the kernel.
func (c *Conn) QueuedMessages() int {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	return c.writer.msgs
}
