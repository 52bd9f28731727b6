package relay

import (
	"slices"
	"strconv"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// Two clients ask the same, and each gets the reply to its own request, in the
// order in which the server gives them.
func TestReqRep(t *testing.T) {
	b := start(t, NewReqRep, nil)
	server := b.join(t, b.back, zmtp.Rep)
	ada, grace := b.join(t, b.front, zmtp.Req), b.join(t, b.front, zmtp.Req)
	ada.Send(zmtptest.Message("", "from Ada"))
	first := texts(server.Message())
	grace.Send(zmtptest.Message("", "from Grace"))
	second := texts(server.Message())
	if !slices.Equal(first[1:], []string{"", "from Ada"}) || !slices.Equal(second[1:], []string{"", "from Grace"}) || first[0] == second[0] {
		t.Fatalf("the server got %q and %q", first, second)
	}
	server.Send(zmtptest.Message(second[0], "", "to Grace"))
	wantMessage(t, grace, "", "to Grace")
	server.Send(zmtptest.Message(first[0], "", "to Ada"))
	wantMessage(t, ada, "", "to Ada")
	b.wantCaptured(t, false, []string{"", "from Ada"}, []string{"", "from Grace"})
	b.wantCaptured(t, true, []string{"", "to Grace"}, []string{"", "to Ada"})
	b.wantStats(t, Stats{ToBack: 2, ToFront: 2})
}

// A reply whose client has gone, or never was, is counted and not sent to anyone
// else.
func TestReqRepUnroutable(t *testing.T) {
	b := start(t, NewReqRep, nil)
	server := b.join(t, b.back, zmtp.Rep)
	gone, client := b.join(t, b.front, zmtp.Req), b.join(t, b.front, zmtp.Req)
	gone.Send(zmtptest.Message("", "early"))
	early := texts(server.Message())
	mark := b.events.Len()
	gone.Close()
	b.events.Wait(t, mark, 1, "the end of a connection", func(e link.Event) bool { return e.Kind == link.Disconnected })
	client.Send(zmtptest.Message("", "now"))
	now := texts(server.Message())
	server.Send(zmtptest.Join(
		zmtptest.Message(early[0], "", "late"),
		zmtptest.Message("not a route", "", "lost"),
		zmtptest.Message("alone"),
		zmtptest.Message(now[0], "", "reply")))
	wantMessage(t, client, "", "reply")
	b.wantStats(t, Stats{ToBack: 2, ToFront: 1, Unroutable: 3})
}

// A request that no server would take is reported and dropped; the connection
// goes on.
func TestReqRepTooManyFrames(t *testing.T) {
	b := start(t, NewReqRep, func(cfg *Config) { cfg.Capture = nil })
	server, client := b.join(t, b.back, zmtp.Rep), b.join(t, b.front, zmtp.Dealer)
	client.Send(zmtptest.Message(make([]string, MaxFrames+1)...))
	client.Send(zmtptest.Message("", "small"))
	if got := texts(server.Message()); !slices.Equal(got[1:], []string{"", "small"}) {
		t.Errorf("the server got %q", got)
	}
	b.events.Wait(t, 0, 1, "a malformed request", func(e link.Event) bool { return e.Kind == link.Malformed })
	b.wantStats(t, Stats{ToBack: 1, Dropped: 1})
}

// Servers get requests in turn.
func TestReqRepTurns(t *testing.T) {
	b := start(t, NewReqRep, nil)
	servers := []*zmtptest.Peer{b.join(t, b.back, zmtp.Rep), b.join(t, b.back, zmtp.Rep)}
	client := b.join(t, b.front, zmtp.Dealer)
	for i := range 6 {
		client.Send(zmtptest.Message("", strconv.Itoa(i)))
	}
	wantTurns(t, servers, 3)
}

// Close does not wait for a server that is not there.
func TestReqRepCloseGivesUp(t *testing.T) {
	b := start(t, NewReqRep, nil)
	client := b.join(t, b.front, zmtp.Req)
	client.Send(zmtptest.Message("", "anybody?"))
	b.wantCaptured(t, false, []string{"", "anybody?"})
	if err := b.Close(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	if m, err := client.Next(); err == nil {
		t.Errorf("the client got %q, want the end of its connection", m)
	}
	b.wantStats(t, Stats{Dropped: 1})
}
