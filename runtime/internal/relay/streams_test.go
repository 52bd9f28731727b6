package relay

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// Headers of a stream, as on the wire.
const (
	streamHeader = "\x22\x00"
	cancelHeader = "\x18\x01"
)

func startMessage(id string) []byte {
	return zmtptest.Message(id, "", "a.B/C", "first", streamHeader)
}
func laterMessage(id, body string) []byte { return zmtptest.Message(id, "", "", body) }

// wantEnd reads the end of a stream that the proxy gave it.
func wantEnd(t *testing.T, client *zmtptest.Peer, id string, code int32) {
	t.Helper()
	got := client.Message()
	if len(got) != 4 || string(got[0]) != id {
		t.Fatalf("got %q, want the end of %q", got, id)
	}
	if status, err := wire.ParseStatus(got[2]); err != nil || status.Code != code {
		t.Fatalf("the end of %q is %v, %v; want code %d", id, status, err, code)
	}
}

// streamServer waits for the start of a stream at one of the servers. It
// returns that one, the other one, and the stream's route.
func streamServer(t *testing.T, b *bench, client, one, other *zmtptest.Peer, id string) (has, hasNot *zmtptest.Peer, route string) {
	t.Helper()
	client.Send(startMessage(id))
	s := waitStream(t, b, id)
	has, hasNot = one, other
	if s.server.Address() != one.LocalAddr().String() {
		has, hasNot = other, one
	}
	got := texts(has.Message())
	if !slices.Equal(got[1:], []string{id, "", "a.B/C", "first", streamHeader}) {
		t.Fatalf("the server got %q", got)
	}
	return has, hasNot, got[0]
}

// waitStream waits until a stream is open and has a server.
func waitStream(t *testing.T, b *bench, id string) (found *stream) {
	t.Helper()
	table := &b.Relay.(*reqRep).streams
	testkit.Eventually(t, "a stream", func() bool {
		table.mu.Lock()
		defer table.mu.Unlock()
		for key, s := range table.open {
			if strings.Contains(key, id) && s.server != nil {
				found = s
			}
		}
		return found != nil
	})
	return found
}

// wantStreams waits until n streams are open.
func (b *bench) wantStreams(t *testing.T, n int) {
	t.Helper()
	r := b.Relay.(*reqRep)
	testkit.Eventually(t, fmt.Sprint(n, " open streams"), func() bool { return int(r.streams.size.Load()) == n })
}

// All messages of a stream go to one server, whatever goes to the other, until
// it has ended.
func TestStreamStays(t *testing.T) {
	b := start(t, NewReqRep, nil)
	client := b.join(t, b.front, zmtp.Dealer)
	has, hasNot, route := streamServer(t, b, client, b.join(t, b.back, zmtp.Router), b.join(t, b.back, zmtp.Router), "one")
	for i := range 5 {
		client.Send(laterMessage("one", strconv.Itoa(i)))
		wantMessage(t, has, route, "one", "", "", strconv.Itoa(i))
		has.Send(zmtptest.Message(route, "one", "", "", "answer", streamHeader))
		wantMessage(t, client, "one", "", "", "answer", streamHeader)
	}
	for range 2 { // calls go to both
		client.Send(zmtptest.Message("call", "", "a.B/D", ""))
	}
	has.Message()
	hasNot.Message()
	has.Send(zmtptest.Message(route, "one", "", "", ""))
	wantMessage(t, client, "one", "", "", "")
	b.wantStreams(t, 0)
	// What comes for a stream that has ended is dropped, the others take turns.
	client.Send(zmtptest.Join(laterMessage("one", "late"), laterMessage("never", "opened"), zmtptest.Message("call", "", "a.B/D", "")))
	got := []string{texts(has.Message())[1], texts(hasNot.Message())[1]}
	if slices.Sort(got); !slices.Equal(got, []string{"call", "never"}) {
		t.Errorf("the servers got %q", got)
	}
}

// A stream whose server is gone ends at once, and what still comes for it
// reaches no other server.
func TestStreamServerLost(t *testing.T) {
	b := start(t, NewReqRep, nil)
	client := b.join(t, b.front, zmtp.Dealer)
	has, hasNot, _ := streamServer(t, b, client, b.join(t, b.back, zmtp.Router), b.join(t, b.back, zmtp.Router), "one")
	has.Close()
	wantEnd(t, client, "one", unavailable)
	b.wantStreams(t, 0)
	client.Send(zmtptest.Join(laterMessage("one", "late"), startMessage("two")))
	if got := texts(hasNot.Message()); got[1] != "two" {
		t.Errorf("the other server got %q", got)
	}
}

// Streams of a client that is gone are canceled.
func TestStreamClientLost(t *testing.T) {
	b := start(t, NewReqRep, nil)
	server, client := b.join(t, b.back, zmtp.Router), b.join(t, b.front, zmtp.Dealer)
	routes := map[string]bool{}
	for i := range 3 {
		id := fmt.Sprint("stream", i)
		client.Send(startMessage(id))
		routes[string(server.Message()[0])+id] = true
	}
	client.Close()
	for range 3 {
		got := texts(server.Message())
		if !slices.Equal(got[2:], []string{"", "", "", cancelHeader}) || !routes[got[0]+got[1]] {
			t.Errorf("the server got %q", got)
		}
		delete(routes, got[0]+got[1])
	}
	b.wantStreams(t, 0)
}

// A cancel goes to the stream's server, and ends the stream here.
func TestStreamCanceled(t *testing.T) {
	b := start(t, NewReqRep, nil)
	client := b.join(t, b.front, zmtp.Dealer)
	has, _, route := streamServer(t, b, client, b.join(t, b.back, zmtp.Router), b.join(t, b.back, zmtp.Router), "one")
	client.Send(zmtptest.Message("one", "", "", "", cancelHeader))
	wantMessage(t, has, route, "one", "", "", "", cancelHeader)
	b.wantStreams(t, 0)
}

// What a proxy does not carry, it ends.
func TestStreamRefused(t *testing.T) {
	b := start(t, NewReqRep, nil)
	server, client := b.join(t, b.back, zmtp.Router), b.join(t, b.front, zmtp.Dealer)
	long := strings.Repeat("x", maxStreamEnvelope)
	client.Send(startMessage(long))
	wantEnd(t, client, long, resourceExhausted)
	client.Send(startMessage("one"))
	route := string(server.Message()[0])
	client.Send(startMessage("one"))
	wantEnd(t, client, "one", invalidArgument)
	wantMessage(t, server, route, "one", "", "", "", cancelHeader)
	client.Send(startMessage("big"))
	server.Message()
	client.Send(zmtptest.Message("big", "", "", strings.Repeat("x", 1<<20), "\x9a\x06\x80\xc0\x02"+strings.Repeat("y", 40<<10)))
	wantEnd(t, client, "big", resourceExhausted)
	wantMessage(t, server, route, "big", "", "", "", cancelHeader)
	b.wantStreams(t, 0)
}

// One connection has only so many streams; those of others do not count.
func TestStreamsTooMany(t *testing.T) {
	var table streamTable
	table.init()
	one, other := new(streamClient), new(streamClient)
	for i := range maxStreams {
		if same, ok := table.add(&stream{key: strconv.Itoa(i), client: one}); same != nil || !ok {
			t.Fatalf("stream %d: %v, %v", i, same, ok)
		}
	}
	if _, ok := table.add(&stream{key: "one more", client: one}); ok {
		t.Error("there is no limit")
	}
	if _, ok := table.add(&stream{key: "another's", client: other}); !ok {
		t.Error("another client's stream was refused")
	}
	table.takeClients(one)
	if n := table.size.Load(); n != 1 || len(table.open) != 1 {
		t.Errorf("%d streams are left", n)
	}
	if len(one.ended.keys) != maxEnded || len(one.ended.ring) != maxEnded {
		t.Errorf("%d of the ended are known, in a ring of %d", len(one.ended.keys), len(one.ended.ring))
	}
}

// A server that does not read its stream holds up that client, and no other one.
func TestStreamServerStalls(t *testing.T) {
	b := start(t, NewReqRep, func(c *Config) { c.Socket.SendQueue, c.Socket.SendQueueBytes = 2, 1<<10 })
	busy, calm := b.join(t, b.front, zmtp.Dealer), b.join(t, b.front, zmtp.Dealer)
	_, reads, _ := streamServer(t, b, busy, b.join(t, b.back, zmtp.Router), b.join(t, b.back, zmtp.Router), "one")
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range 200 {
			if _, err := busy.Write(laterMessage("one", strings.Repeat("x", 256<<10))); err != nil {
				return // the test is over
			}
		}
	}()
	stalled := waitStream(t, b, "one").server
	testkit.Eventually(t, "a full queue", func() bool { return stalled.Full() })
	// Some calls find room at the server that stalls, before it has stalled for
	// good: on a busy machine thousands.
	go func() {
		for {
			if _, err := calm.Write(zmtptest.Message("call", "", "a.B/D", "")); err != nil {
				return // the test is over
			}
		}
	}()
	for range 500 {
		if got := texts(reads.Message()); got[1] != "call" {
			t.Fatalf("got %.100q, want a call", got)
		}
	}
	if queued := stalled.Queued(); queued > 1<<20 {
		t.Errorf("%d bytes wait for the server that stalls", queued)
	}
	busy.Close()
	<-sent
}

// A client that does not read its streams loses no message in the middle of
// one: the stream ends.
func TestStreamClientStalls(t *testing.T) {
	b := start(t, NewReqRep, func(c *Config) { c.Socket.SendQueueBytes = 64 << 10 })
	server, slow := b.join(t, b.back, zmtp.Router), b.join(t, b.front, zmtp.Dealer)
	slow.Send(startMessage("one"))
	route := string(server.Message()[0])
	const messages = 400
	go func() {
		for i := range messages {
			m := zmtptest.Message(route, "one", "", "", fmt.Sprintf("%d %s", i, strings.Repeat("x", 64<<10)), streamHeader)
			if _, err := server.Write(m); err != nil {
				return // the test is over
			}
		}
	}()
	wantMessage(t, server, route, "one", "", "", "", cancelHeader)
	for i := range messages {
		got := texts(slow.Message())
		if len(got) == 5 && strings.HasPrefix(got[3], fmt.Sprint(i, " ")) {
			continue
		}
		if status, err := wire.ParseStatus([]byte(got[2])); err != nil || status.Code != resourceExhausted {
			t.Fatalf("behind %d messages came %.100q", i, got)
		}
		return
	}
	t.Error("the stream has not ended")
}

// FuzzStays passes any message that was not sent to the function that says
// whether it may go elsewhere.
func FuzzStays(f *testing.F) {
	f.Add("route", "id", "", "a.B/C", "body", streamHeader)
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g string) {
		r := new(reqRep)
		frames := [][]byte{[]byte(a), []byte(b), []byte(c), []byte(d), []byte(e), []byte(g)}
		for n := range frames {
			r.Stays(frames[:n])
		}
	})
}
