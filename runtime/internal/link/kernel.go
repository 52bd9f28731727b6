package link

import "net"

// limitKernel tells the kernel how much it may keep of a connection. A
// connection that cannot be told keeps what it likes.
func (c *Config) limitKernel(raw net.Conn) {
	if r, ok := raw.(interface{ SetReadBuffer(bytes int) error }); ok && c.KernelReceive > 0 {
		_ = r.SetReadBuffer(c.KernelReceive)
	}
	if w, ok := raw.(interface{ SetWriteBuffer(bytes int) error }); ok && c.KernelSend > 0 {
		_ = w.SetWriteBuffer(c.KernelSend)
	}
}
