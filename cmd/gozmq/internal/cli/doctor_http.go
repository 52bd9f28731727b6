package cli

import (
	"context"
	"io"
	"net"
	"strings"
	"time"
)

// speaksHTTP reports whether a silent server answers an HTTP request, which no ZMTP
// peer does.
func speaksHTTP(ctx context.Context, address string) bool {
	const patience = 2 * time.Second
	d := net.Dialer{Timeout: patience}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return false
	}
	if _, err := io.WriteString(c, "OPTIONS * HTTP/1.0\r\n\r\n"); err != nil {
		return false
	}
	begin := make([]byte, len("HTTP/"))
	_, err = io.ReadFull(c, begin)
	return err == nil && strings.EqualFold(string(begin), "HTTP/")
}
