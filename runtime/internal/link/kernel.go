package link

import "net"

// limitKernel sets how much the kernel may buffer for a connection. Connections
// without such buffers ignore it.
func (c *Config) limitKernel(raw net.Conn) {
	if r, ok := raw.(interface{ SetReadBuffer(bytes int) error }); ok && c.KernelReceive > 0 {
		_ = r.SetReadBuffer(c.KernelReceive)
	}
	if w, ok := raw.(interface{ SetWriteBuffer(bytes int) error }); ok && c.KernelSend > 0 {
		_ = w.SetWriteBuffer(c.KernelSend)
	}
}
