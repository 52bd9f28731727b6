package stream

// A Credit counts messages and the bytes of their bodies since the stream began:
// those that were sent, or that may be.
type Credit struct{ Messages, Bytes uint64 }

// allows reports whether a sender that has sent that much may send a message. A
// message is allowed while any byte is, so that one larger than the window goes
// through.
func (c Credit) allows(sent Credit) bool {
	return sent.Messages < c.Messages && sent.Bytes < c.Bytes
}

// add counts one message.
func (c *Credit) add(size int) {
	c.Messages++
	c.Bytes += uint64(size)
}
