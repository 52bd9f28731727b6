package link

import (
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A reader that pauses ends with its connection, and not with the messages that it
// has read before.
func TestPauseEndsWithConnection(t *testing.T) {
	results := make(chan error, 1)
	v := newCrowded(t, networks[0], false, testkit.Patience(), handlerFunc(func(c *Conn) error {
		if _, err := c.Next(); err != nil {
			results <- err
			return err
		}
		c.Close(ErrClosed)
		c.PauseReading(time.Hour)
		_, err := c.Next()
		results <- err
		return err
	}))
	two := zmtptest.AppendMessage(zmtptest.AppendMessage(nil, []byte("a")), []byte("b"))
	if _, err := v.dial(t).Write(two); err != nil {
		t.Fatal(err)
	}
	if err := testkit.Receive(t, results, "a result"); err != ErrClosed {
		t.Errorf("Next: %v, want ErrClosed", err)
	}
}
