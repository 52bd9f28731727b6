package gozmq

import "context"

// Stream returns a call of a method with streams (Caller).
func (c *Conn) Stream(ctx context.Context, m *Method, opts ...CallOption) Stream {
	panic("to be written")
}
