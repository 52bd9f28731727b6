package link

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestPassOver reads around messages that are too large: their first frames come
// before the rest does, which may be interrupted, and cut short by the peer's end.
func TestPassOver(t *testing.T) {
	const limit, large = 1000, 300_000
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			cfg := testConfig(zmtp.Router, newRecorder())
			cfg.MaxMessageSize, cfg.PassOver = limit, true
			conns, results := make(chan *Conn, 1), make(chan string, 100)
			g, ep := boundTo(t, cfg, handlerFunc(func(c *Conn) error {
				conns <- c
				for {
					frames, err := c.Next()
					if errors.Is(err, ErrInterrupted) {
						c.Resume()
					}
					results <- fmt.Sprintf("%q %v", frames, err)
					if err != nil && !errors.Is(err, ErrInterrupted) && !errors.As(err, new(*zmtp.SizeError)) {
						return err
					}
				}
			}), network)
			want := func(text string) {
				t.Helper()
				if got := testkit.Receive(t, results, "a result"); got != text {
					t.Errorf("Next gave %.200s, want %s", got, text)
				}
			}
			p := zmtptest.DialAs(t, ep, "DEALER")
			c := testkit.Receive(t, conns, "a connection")
			begin := zmtp.AppendHeader(zmtp.AppendFrameString(zmtp.AppendFrameString(nil, zmtp.FlagMore, "a"), zmtp.FlagMore, ""), 0, large)
			tooLarge := `["a" ""] ` + (&zmtp.SizeError{Size: large, Limit: limit}).Error()
			rest := make([]byte, large)
			p.Send(begin)
			want(tooLarge)
			p.Send(rest[:large/2])
			c.Interrupt()
			want("[] " + ErrInterrupted.Error())
			p.Send(zmtptest.Join(rest[large/2:], zmtptest.Message("next")))
			want(`["next"] <nil>`)
			p.Send(zmtptest.Join(begin, rest, begin, rest, zmtptest.Message("", "")))
			want(tooLarge)
			want(tooLarge)
			want(`["" ""] <nil>`)
			if s := g.Stats(); s.MessagesIn > 2 {
				t.Errorf("%d messages are counted, want the 2 that are not too large", s.MessagesIn)
			}
			p.Send(zmtptest.Join(begin, rest[:large/2]))
			want(tooLarge)
			p.Close()
			if got := testkit.Receive(t, results, "a result"); got != fmt.Sprintf("[] peer closed the connection within a message: %v", io.ErrUnexpectedEOF) {
				t.Errorf("the end of the peer within a message is %s", got)
			}
		})
	}
}
