package interop

import (
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// TestRevokedLibzmq takes the key of a connected libzmq socket off the list. It
// loses its connection and does not come in again.
func TestRevokedLibzmq(t *testing.T) {
	python(t)
	server, ada := gozmqtest.CurveKey(t), gozmqtest.CurveKey(t)
	list := new(gozmqcurve.KeyList)
	list.Replace(map[gozmq.PublicKey]gozmq.AuthIdentity{ada.Public(): {Name: "ada"}})
	var events testkit.Recorder[gozmq.Event]
	pub, err := gozmq.NewPublisher(gozmq.Bind(anyPort), gozmq.WithEventHandler(events.Record),
		gozmq.WithSecurity(gozmqcurve.Server(server, list.Authenticate)))
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	p := newProbe(t, "SUB", curveClient(ada, server.Public()))
	p.connect(pub.Addrs()[0])
	p.await("HANDSHAKE_SUCCEEDED")
	list.Replace(nil)
	events.Wait(t, 0, 1, "the end of the connection", func(e gozmq.Event) bool {
		return e.Kind == gozmq.EventDisconnected && e.Err != nil && strings.Contains(e.Err.Error(), "not on the list")
	})
	p.await("DISCONNECTED")
	events.Wait(t, 0, 1, "a refusal", func(e gozmq.Event) bool { return e.Kind == gozmq.EventAuthFailed })
}
