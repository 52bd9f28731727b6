package relay

import (
	"slices"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// tooLarge is the body of a message that the bench's relay does not take.
var tooLarge = strings.Repeat("x", 1<<20+1)

// wantRefusal reads a reply that ends a call, or a stream, for its size.
func wantRefusal(t *testing.T, client *zmtptest.Peer, envelope ...string) {
	t.Helper()
	e, content, ok := wire.SplitEnvelope(client.Message())
	if !ok || !slices.Equal(texts(e), append(envelope, "")) {
		t.Fatalf("got a message with the envelope %q, want %q", e, envelope)
	}
	reply, err := wire.ParseReply(content)
	if err != nil || wire.GoesOn(content) {
		t.Fatalf("got %q, %v; want the last reply", content, err)
	}
	s, err := wire.ParseStatus(reply.Status)
	if err != nil || s.Code != resourceExhausted || !strings.Contains(s.Message, "proxy: ") {
		t.Errorf("got the status %v, %v", s, err)
	}
}

// A client whose request is too large hears that, and its connection goes on.
func TestRequestTooLarge(t *testing.T) {
	header := string(make([]byte, 64<<10))
	for _, tt := range []struct {
		name     string
		kind     zmtp.SocketType
		frames   []string
		envelope []string // of the answer; nil: none
	}{
		{"REQ", zmtp.Req, []string{"", "a.B/C", tooLarge}, []string{}},
		{"DEALER", zmtp.Dealer, []string{"id", "", "a.B/C", tooLarge}, []string{"id"}},
		{"DEALER with a long envelope", zmtp.Dealer, []string{"one", "two", "", "a.B/C", tooLarge, "header"}, []string{"one", "two"}},
		{"start of a stream", zmtp.Dealer, []string{"id", "", "a.B/C", tooLarge, streamHeader}, []string{"id"}},
		{"message of no stream", zmtp.Dealer, []string{"id", "", "", tooLarge}, []string{"id"}},
		{"header", zmtp.Dealer, []string{"id", "", "a.B/C", "", tooLarge}, []string{"id"}},
		{"message", zmtp.Dealer, []string{"id", "", "a.B/C", tooLarge[1:], header}, []string{"id"}},
		{"message that was read", zmtp.Dealer, []string{"id", "", "a.B/C", tooLarge[1:], header[:40<<10]}, []string{"id"}},
		{"bare", zmtp.Dealer, []string{"id", "", tooLarge}, nil},
		{"bare that was read", zmtp.Dealer, []string{"id" + header[:40<<10], "", tooLarge[1:]}, nil},
		{"no envelope", zmtp.Dealer, []string{tooLarge}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t, NewReqRep, func(cfg *Config) { cfg.Capture = nil })
			server, client := b.join(t, b.back, zmtp.Router), b.join(t, b.front, tt.kind)
			client.Send(zmtptest.Message(tt.frames...))
			if tt.envelope != nil {
				wantRefusal(t, client, tt.envelope...)
			}
			b.events.Wait(t, 0, 1, "a malformed request", func(e link.Event) bool { return e.Kind == link.Malformed })
			client.Send(zmtptest.Message("", "a.B/C", "small"))
			got := texts(server.Message())
			if !slices.Equal(got[1:], []string{"", "a.B/C", "small"}) {
				t.Fatalf("the server got %q", got)
			}
			server.Send(zmtptest.Message(got[0], "", "", "reply"))
			wantMessage(t, client, "", "", "reply")
			b.wantStats(t, Stats{ToBack: 1, ToFront: 1, Dropped: 1})
		})
	}
}

// A client hears that the reply to its request is too large, and the server's
// connection goes on.
func TestReplyTooLarge(t *testing.T) {
	for _, tt := range []struct {
		name    string
		kind    zmtp.SocketType
		request []string // up to the empty frame
		reply   []string // behind it
		answer  bool
	}{
		{"REQ", zmtp.Req, []string{""}, []string{"", tooLarge}, true},
		{"DEALER", zmtp.Dealer, []string{"id", ""}, []string{"", tooLarge}, true},
		{"DEALER with a long envelope", zmtp.Dealer, []string{"one", "two", ""}, []string{"", tooLarge, "header"}, true},
		{"header", zmtp.Dealer, []string{"id", ""}, []string{"", "", tooLarge}, true},
		{"bare", zmtp.Dealer, []string{"id", ""}, []string{tooLarge}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t, NewReqRep, func(cfg *Config) { cfg.Capture = nil })
			server, client := b.join(t, b.back, zmtp.Router), b.join(t, b.front, tt.kind)
			request := append(slices.Clone(tt.request), "a.B/C", "request")
			client.Send(zmtptest.Message(request...))
			route := string(server.Message()[0])
			server.Send(zmtptest.Message(slices.Concat([]string{route}, tt.request, tt.reply)...))
			if tt.answer {
				wantRefusal(t, client, tt.request[:len(tt.request)-1]...)
			}
			b.events.Wait(t, 0, 1, "a malformed reply", func(e link.Event) bool { return e.Kind == link.Malformed })
			client.Send(zmtptest.Message("", "a.B/C", "small"))
			server.Send(zmtptest.Message(string(server.Message()[0]), "", "", "reply"))
			wantMessage(t, client, "", "", "reply")
			b.wantStats(t, Stats{ToBack: 2, ToFront: 1, Dropped: 1})
		})
	}
}

// A message of an open stream that is too large ends the stream at both sides, and
// no other one. Later messages of the stream are dropped.
func TestStreamTooLarge(t *testing.T) {
	for _, from := range []string{"client", "server"} {
		t.Run(from, func(t *testing.T) {
			b := start(t, NewReqRep, func(cfg *Config) { cfg.Capture = nil })
			server, client := b.join(t, b.back, zmtp.Router), b.join(t, b.front, zmtp.Dealer)
			client.Send(zmtptest.Join(startMessage("one"), startMessage("other")))
			route := string(server.Message()[0])
			server.Message()
			if from == "client" {
				client.Send(laterMessage("one", tooLarge))
			} else {
				server.Send(zmtptest.Message(route, "one", "", "", tooLarge, streamHeader))
			}
			wantRefusal(t, client, "one")
			wantMessage(t, server, route, "one", "", "", "", cancelHeader)
			b.wantStreams(t, 1)
			client.Send(zmtptest.Join(laterMessage("one", tooLarge), laterMessage("one", "late"), laterMessage("other", "more")))
			wantMessage(t, server, route, "other", "", "", "more")
			server.Send(zmtptest.Message(route, "other", "", "", "", streamHeader))
			wantMessage(t, client, "other", "", "", "", streamHeader)
		})
	}
}

// Answers to a client that does not read do not fill the proxy's memory.
func TestAnswersAreBounded(t *testing.T) {
	b := start(t, NewReqRep, nil)
	server, client := b.join(t, b.back, zmtp.Router), b.join(t, b.front, zmtp.Dealer)
	client.Send(zmtptest.Message("id", "", "a.B/C", "request"))
	route := server.Message()[0]
	r := b.Relay.(*reqRep)
	large := zmtptest.Message("", strings.Repeat("x", 32<<20)) // more than the kernel and 16 queues take
	r.router.SendForced(route, large)
	for range 1000 {
		r.router.Answer(route, zmtptest.Message("", "answer"))
	}
	r.router.SendForced(route, zmtptest.Message("", "behind"))
	if got := client.Message(); len(got[1]) != 32<<20 {
		t.Fatalf("got %d bytes", len(got[1]))
	}
	wantMessage(t, client, "", "behind")
}
