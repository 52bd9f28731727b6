package link

import (
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestPlain checks that a plain socket does not announce our extensions.
func TestPlain(t *testing.T) {
	cfg := testConfig(zmtp.Router, newRecorder())
	cfg.Plain = true
	_, ep := bound(t, cfg, handlerFunc(echo))
	p := zmtptest.Dial(t, ep)
	p.Send(zmtptest.Join(zmtptest.Greeting(3, 1, "NULL"), zmtptest.Ready("Socket-Type", "REQ")))
	p.Greeted()
	if want := (zmtp.Metadata{{Name: "Socket-Type", Value: "ROUTER"}}); string(p.Ready.Append(nil)) != string(want.Append(nil)) {
		t.Errorf("announced %q", p.Ready)
	}
}
