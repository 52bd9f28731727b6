package socket

import (
	"fmt"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestDealerStreamRun: messages that were read together come in order and whole,
// whatever stands between them, and every one is counted.
func TestDealerStreamRun(t *testing.T) {
	d := openDealerTalk(t)
	var b []byte
	say := func(call string, frames ...string) {
		b = append(b, zmtptest.Message(append([]string{call, ""}, frames...)...)...)
	}
	for i := range 40 {
		say(d.call, "", fmt.Sprint("short ", i), streamMark)
		switch i {
		case 10:
			say("unknown!", "", "of nobody", streamMark)
		case 20:
			say(d.call, "", "", "\x22\x02\x18\x01") // no message
		case 30:
			b = append(b, "\x04\x07\x04PING\x00\x00"...)
		}
	}
	say(d.call, "", "reply")
	d.server.Send(b)
	for i := range 40 {
		d.want(t, fmt.Sprint("short ", i))
	}
	if end := d.wantOver(t); end.Err != nil || string(end.Reply.Body) != "reply" {
		t.Errorf("the end is %+v", end)
	}
}
