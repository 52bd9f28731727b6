package socket

import "github.com/gozmq/gozmq/runtime/internal/link"

// WaitPaused waits until change is closed, while c is not read. It returns
// false if done is closed first. The end of the connection does not end the
// wait: a whole message is still delivered.
func WaitPaused(c *link.Conn, change, done <-chan struct{}) bool {
	c.Pause()
	defer c.Unpause()
	select {
	case <-change:
		return true
	case <-done:
		return false
	}
}
