package link

import (
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// TestPlain checks that a plain socket does not announce our extensions.
func TestPlain(t *testing.T) {
	cfg := testConfig(zmtp.Router, newRecorder())
	cfg.Plain = true
	_, ep := bound(t, cfg, handlerFunc(echo))
	p := dialRaw(t, ep)
	p.send(join(greetingOf(3, 1, "NULL"), readyOf("Socket-Type", "REQ")))
	p.greeted()
	if want := (zmtp.Metadata{{Name: "Socket-Type", Value: "ROUTER"}}); string(p.ready.Append(nil)) != string(want.Append(nil)) {
		t.Errorf("announced %q", p.ready)
	}
}
