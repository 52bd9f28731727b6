package subscription

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// headed is a message of publisher 1 with a body.
func headed(body string, h wire.PublicationHeader) testBatch {
	h.Publisher = 1
	return message("a", body, string(h.Append(nil)))
}

func live(body string, n uint64) testBatch {
	return headed(body, wire.PublicationHeader{Position: n, Sequence: n})
}

// Nobody who announces a publisher's id on a connection of his own makes its
// messages look old, whichever of the two is heard first or goes first; and a
// publisher that connects again is followed on.
func TestPublisherIDBelongsToConnection(t *testing.T) {
	const far = 1 << 40
	gone := errors.New("gone")
	for name, x := range map[string]struct {
		run  func(send func(c *testConn, b testBatch))
		want string
	}{
		"hostile second": {func(send func(*testConn, testBatch)) {
			good, bad := new(testConn), new(testConn)
			send(good, live("1", 1))
			send(bad, live("bad", far))
			send(good, live("2", 2))
			send(good, live("2", 2))
			send(good, live("4", 4))
		}, "[a=1 a=bad a=2 subscription.Gap a=4]"},
		"hostile first": {func(send func(*testConn, testBatch)) {
			good, bad := new(testConn), new(testConn)
			send(bad, live("bad", far))
			send(good, live("1", 1))
			bad.err = gone
			send(good, live("2", 2))
			send(good, live("2", 2))
			send(good, live("4", 4))
		}, "[a=bad subscription.Restart a=1 subscription.Restart a=2 subscription.Gap a=4]"},
		"hostile between": {func(send func(*testConn, testBatch)) {
			good, bad, again := new(testConn), new(testConn), new(testConn)
			send(good, live("1", 1))
			good.err = gone
			send(bad, live("bad", far))
			bad.err = gone
			send(again, live("2", 2))
			send(again, live("2", 2))
			send(again, live("4", 4))
		}, "[a=1 subscription.Gap a=bad subscription.Restart a=2 subscription.Gap a=4]"},
		"good again beside hostile": {func(send func(*testConn, testBatch)) {
			good, bad, again := new(testConn), new(testConn), new(testConn)
			send(good, live("1", 1))
			send(bad, live("bad", far))
			good.err = gone
			send(again, live("4", 4))
			send(again, live("5", 5))
			send(bad, live("worse", far+1))
			send(again, live("7", 7))
		}, "[a=1 a=bad subscription.Gap a=4 a=5 a=worse subscription.Gap a=7]"},
		"again": {func(send func(*testConn, testBatch)) {
			good, again := new(testConn), new(testConn)
			send(good, live("1", 1))
			send(good, live("2", 2))
			good.err = gone
			send(again, headed("2", wire.PublicationHeader{Position: 2, Sequence: 2, Replayed: true}))
			send(again, live("3", 3))
			send(again, live("5", 5))
		}, "[a=1 a=2 a=3 subscription.Gap a=5]"},
		"proved to be the same": {func(send func(*testConn, testBatch)) {
			good, again := new(testConn), new(testConn)
			good.owner, again.owner = "key", "key"
			send(good, live("1", 1)) // and the connection is not known to be lost
			send(again, live("4", 4))
			send(again, live("4", 4))
		}, "[a=1 subscription.Gap a=4]"},
		"proved to be another": {func(send func(*testConn, testBatch)) {
			good, bad := new(testConn), new(testConn)
			good.owner, bad.owner = "key", "other"
			send(good, live("1", 1))
			send(bad, live("bad", far))
			send(good, live("2", 2))
		}, "[a=1 a=bad a=2]"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := newTestHub()
			s := openTest(t, h, roomy, "a")
			x.run(func(c *testConn, b testBatch) { h.Receive(c, b) })
			if got := fmt.Sprint(takeAll(t, s)); got != x.want {
				t.Errorf("got  %s\nwant %s", got, x.want)
			}
		})
	}
}

// A retained value with a high position does not keep the publisher's own out.
func TestPublisherIDAndRetained(t *testing.T) {
	h, _ := newTestHub()
	first := openTest(t, h, roomy, "a")
	defer first.Close()
	good, bad := new(testConn), new(testConn)
	h.Receive(good, headed("1", wire.PublicationHeader{Position: 1, Retained: true}))
	h.Receive(bad, headed("bad", wire.PublicationHeader{Position: 1 << 40, Retained: true}))
	h.Receive(good, headed("2", wire.PublicationHeader{Position: 2, Retained: true}))
	if got := fmt.Sprint(takeAll(t, openTest(t, h, roomy, "a"))); got != "[a=2]" {
		t.Errorf("a later subscription got %s", got)
	}
}
