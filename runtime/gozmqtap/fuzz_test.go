package gozmqtap_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmqtap"
)

// Whatever two ends send, a Decoder does not panic, and every event prints in a
// line. It says the same when the bytes come one by one.
func FuzzDecoder(f *testing.F) {
	greeting := make([]byte, 64)
	copy(greeting, "\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x03\x01NULL")
	for _, socket := range []string{"DEALER", "ROUTER", "PUB", "SUB", "PUSH", "PULL", "REQ"} {
		property := "\x0bSocket-Type\x00\x00\x00" + string(rune(len(socket))) + socket
		ready := "\x05READY" + property
		bytes := append(bytes.Clone(greeting), 4, byte(len(ready)))
		bytes = append(append(bytes, ready...), "\x01\x04TASK\x01\x01x\x01\x03a/B\x00\x00\x01\x00\x01\x03a/B\x01\x00\x00\x02\x18\x01"...)
		f.Add(bytes, bytes)
	}
	f.Fuzz(func(t *testing.T, dialer, listener []byte) {
		var whole, single []string
		d := gozmqtap.NewDecoder(1, func(e *gozmqtap.Event) { whole = append(whole, e.String()) })
		d.Write(gozmqtap.SideListener, listener)
		d.Write(gozmqtap.SideDialer, dialer)
		d = gozmqtap.NewDecoder(1, func(e *gozmqtap.Event) { single = append(single, e.String()) })
		for i := range listener {
			d.Write(gozmqtap.SideListener, listener[i:i+1])
		}
		for i := range dialer {
			d.Write(gozmqtap.SideDialer, dialer[i:i+1])
		}
		if len(whole) != len(single) {
			t.Fatalf("%d events of whole bytes, %d of single ones:\n%q\n%q", len(whole), len(single), whole, single)
		}
		for i, line := range whole {
			if line != single[i] || strings.ContainsAny(line, "\n\r\x1b") {
				t.Errorf("%q and %q", line, single[i])
			}
		}
	})
}
