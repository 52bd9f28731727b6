package stream

// A Credit is a number of messages, and of the bytes of their bodies, since the
// stream began: sent ones, or ones that may be sent.
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
