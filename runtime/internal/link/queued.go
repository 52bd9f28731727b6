package link

// Queued returns how many bytes wait to be handed to the kernel.
func (c *Conn) Queued() int {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	return c.writer.bytes
}
