package gozmq

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/events"
)

// What both sides see of a connection, in order.
func TestEventSequence(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		server, client := newRecorder(), newRecorder()
		r := serve(t, Bind(s.endpoint), echoHandlers(), server.option())
		c, err := Dial(Connect(r.addr()), client.option())
		if err != nil {
			t.Fatal(err)
		}
		mustEcho(t, c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		server.wait(t, EventDisconnected, 1)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if got, want := client.kinds(), []EventKind{EventConnected, EventDisconnected}; !slices.Equal(got, want) {
			t.Errorf("the client saw %v, want %v", got, want)
		}
		if got, want := server.kinds(), []EventKind{EventListening, EventConnected, EventDisconnected}; !slices.Equal(got, want) {
			t.Errorf("the server saw %v, want %v", got, want)
		}
		for _, e := range append(client.all(), server.all()...) {
			if e.Endpoint != r.addr() || e.Time.IsZero() || e.SocketType == "" || (e.Peer == "") != (e.Kind == EventListening) {
				t.Errorf("the event lacks something: %+v", e)
			}
		}
		for _, e := range client.all() {
			if e.SocketType != "DEALER" || e.Err != nil {
				t.Errorf("the client saw %+v", e)
			}
		}
	})
}

// A peer of another type is refused, on both sides with the reason.
func TestEventHandshakeFailed(t *testing.T) {
	server, client := newRecorder(), newRecorder()
	r := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), server.option())
	subscriber(t, Connect(r.addr()), client.option())
	wantText(t, server.wait(t, EventHandshakeFailed, 1).Err, "SUB", "ROUTER")
	wantText(t, client.wait(t, EventHandshakeFailed, 1).Err, "ROUTER")
	mustEcho(t, dial(t, Connect(r.addr())))
}

// An observer that blocks holds nothing up. What it misses is counted.
func TestObserverBlocks(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 1)
	var got []Event
	o := newObserver(func(e Event) {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-release
		got = append(got, e)
	}, nil)
	o.observe(Event{Kind: EventListening})
	testkit.Receive(t, entered, "the first event")
	const more = 100
	for range events.Limit + more { // would hang if it waited
		o.observe(Event{Kind: EventMalformed})
	}
	close(release)
	o.close()
	o.observe(Event{Kind: EventMalformed}) // after the end: nothing
	o.close()
	counts := make(map[EventKind]int)
	for _, e := range got {
		counts[e.Kind]++
	}
	last := got[len(got)-1]
	if counts[EventListening] != 1 || counts[EventMalformed] != events.Limit || last.Kind != EventEventsLost || last.Count != more {
		t.Errorf("got %v, the last one %+v", counts, last)
	}
}

// The data path does not wait for the observer.
func TestObserverDoesNotHoldUpCalls(t *testing.T) {
	release := make(chan struct{})
	block := WithEventHandler(func(Event) { <-release })
	s := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), block)
	c := dial(t, Connect(s.addr()), block)
	t.Cleanup(func() { close(release) })
	for range 10 {
		mustEcho(t, c)
	}
}

func TestEventKindString(t *testing.T) {
	seen := make(map[string]bool)
	for k := EventListening; k <= EventDelayed; k++ {
		seen[k.String()] = true
	}
	for k := EventPanic; k <= EventProbed; k++ {
		seen[k.String()] = true
	}
	if len(seen) != 27 {
		t.Errorf("%d names for 27 kinds: %v", len(seen), seen)
	}
	for name := range seen {
		if strings.HasPrefix(name, "event ") {
			t.Errorf("a kind has no name: %q", name)
		}
	}
	if got := EventKind(200).String(); got != "event 200" {
		t.Errorf("got %q", got)
	}
}

func TestEventString(t *testing.T) {
	tests := []struct {
		event Event
		want  string
	}{
		{Event{Kind: EventConnected, SocketType: "SUB", Endpoint: "tcp://a:1", Peer: "b:2", Time: time.Now()}, "SUB connected: tcp://a:1 b:2"},
		{Event{Kind: EventDialFailed, SocketType: "SUB", Endpoint: "tcp://a:1", Err: errors.New("no")}, "SUB dial failed: tcp://a:1: no"},
		{Event{Kind: EventSubscribed, SocketType: "PUB", Peer: "b:2", Topic: "a\n"}, `PUB subscribed: b:2 topic "a\n"`},
		{Event{Kind: EventDropped, SocketType: "PUB", Count: 7, Err: errors.New("full")}, "PUB dropped: count 7: full"},
		{Event{Kind: EventPanic, SocketType: "ROUTER", Procedure: "a.B/C", Err: (*Error)(nil), Stack: []byte("stack")}, "ROUTER panic: a.B/C: nil *gozmq.Error"},
		{Event{}, " event 0:"},
	}
	for _, tt := range tests {
		if got := fmt.Sprint(tt.event); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestLogEvents(t *testing.T) {
	tests := []struct {
		name  string
		event Event
		want  string
	}{
		{"good", Event{Kind: EventConnected, SocketType: "SUB", Endpoint: "tcp://a:1", Peer: "b:2"}, `level=INFO msg="zeromq connected" socket=SUB endpoint=tcp://a:1 peer=b:2`},
		{"failure", Event{Kind: EventDialFailed, SocketType: "SUB", Endpoint: "tcp://a:1", Err: errors.New("no")}, `level=WARN msg="zeromq dial failed" socket=SUB endpoint=tcp://a:1 error=no`},
		{"topic", Event{Kind: EventSubscribed, SocketType: "PUB", Topic: "a/b"}, `level=INFO msg="zeromq subscribed" socket=PUB topic=a/b`},
		{"count", Event{Kind: EventDropped, SocketType: "PUB", Count: 7, Err: errors.New("full")}, `level=WARN msg="zeromq dropped" socket=PUB count=7 error=full`},
		{"panic", Event{Kind: EventPanic, SocketType: "ROUTER", Procedure: "a.B/C", Err: errors.New("x"), Stack: []byte("stack")}, `level=WARN msg="zeromq panic" socket=ROUTER procedure=a.B/C error=x stack=stack`},
		{"nil *Error", Event{Kind: EventTaskFailed, SocketType: "PULL", Err: (*Error)(nil)}, `level=WARN msg="zeromq task failed" socket=PULL error=`},
		{"goodbye", Event{Kind: EventDisconnected, SocketType: "SUB", Err: io.EOF}, `level=INFO msg="zeromq disconnected" socket=SUB error=EOF`},
		{"cut off", Event{Kind: EventDisconnected, SocketType: "SUB", Err: io.ErrUnexpectedEOF}, `level=WARN msg="zeromq disconnected"`},
		{"probe", Event{Kind: EventProbed, SocketType: "SUB", Err: errors.New("x")}, ""},
		{"lost", Event{Kind: EventEventsLost, SocketType: "PULL", Count: 3}, `msg="zeromq events lost" socket=PULL count=3`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			LogEvents(slog.New(slog.NewTextHandler(&out, nil)))(tt.event)
			if !strings.Contains(out.String(), tt.want) || (tt.want == "") != (out.Len() == 0) {
				t.Errorf("got  %s\nwant %s", out.String(), tt.want)
			}
		})
	}
}

// A peer that falls silent is reported and disconnected.
func TestEventHeartbeatLost(t *testing.T) {
	events := newRecorder()
	r := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), events.option(), WithHeartbeat(20*time.Millisecond, 100*time.Millisecond))
	c := dial(t, Connect(r.addr()))
	silent := dialRaw(t, r.addr(), "DEALER")
	events.wait(t, EventHeartbeatLost, 1)
	silent.wantClosed()
	again(t, c) // it may have been disconnected, too, if this process stood still
	if e := events.wait(t, EventDisconnected, 1); e.Err == nil {
		t.Errorf("the event says %+v", e)
	}
}

// TestEventIsOneLine checks that nothing that a peer chooses breaks an event's
// line.
func TestEventIsOneLine(t *testing.T) {
	evil := "x\nDEALER connected: \x1b[31m\xff"
	e := Event{Kind: EventTaskDead, SocketType: "PUSH", Endpoint: "tcp://a:1", Peer: evil, Procedure: evil, Topic: evil, Err: errors.New(evil)}
	for _, r := range e.String() {
		if !strconv.IsPrint(r) {
			t.Fatalf("%q has %q", e.String(), r)
		}
	}
	if got, want := (Event{Kind: EventDialFailed, SocketType: "DEALER", Err: errors.New(`C:\x: "no"`)}).String(), `DEALER dial failed:: C:\x: "no"`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
