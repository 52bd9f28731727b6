package interop

import (
	"strings"
	"sync"
	"testing"

	chatv1 "github.com/gozmq/gozmq/example/gen/chat/v1"
	"github.com/gozmq/gozmq/example/gen/chat/v1/chatv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// wantStreams makes a stream of each kind, longer than the first credit, and
// cancels one.
func wantStreams(t *testing.T, client chatv1gozmq.RoomClient, r *room) {
	t.Helper()
	wantLines(t, client, 300)
	wantUpload(t, client, 300)
	if _, err := chat(t, client, 100); err != nil {
		t.Fatalf("Chat: %v", err)
	}
	leaveWatch(t, client)
	get(t, r.canceled)
}

// leaveWatch leaves a stream without end behind its first line.
func leaveWatch(t *testing.T, client chatv1gozmq.RoomClient) {
	t.Helper()
	for _, err := range client.Watch(testkit.Within(t), &chatv1.WatchRequest{}) {
		if err != nil {
			t.Fatalf("Watch: %v", err)
		}
		break
	}
}

// TestProxiesCarryStreams: proxies of ours and of libzmq, one server behind them; a
// Python client at the same time.
func TestProxiesCarryStreams(t *testing.T) {
	throughProxies(t, gozmq.PatternReqRep, "ROUTER", "DEALER", func(t *testing.T, front, back string) {
		r := newRoom()
		serveRoom(t, gozmq.Connect(back), r)
		client, _ := dialRoom(t, gozmq.Connect(front))
		foreign, _ := startPeer(t, "stream_client.py", "connect", front)
		wantStreamClient(foreign)
		get(t, r.canceled)
		wantStreams(t, client, r)
	})
}

// TestOurProxyCarriesStreamsToServers: our proxy takes a libzmq ROUTER for one
// of two servers, and each stream goes to one of them.
func TestOurProxyCarriesStreamsToServers(t *testing.T) {
	leakChecked(t)
	python(t)
	_, front, back := newProxy(t, gozmq.PatternReqRep, gozmq.Bind(anyPort), gozmq.Bind(anyPort))
	client, _ := dialRoom(t, gozmq.Connect(front))
	foreign, _ := startPeer(t, "stream_server.py", "connect", back)
	wantLines(t, client, 300)
	serveRoom(t, gozmq.Connect(back), newRoom())
	for range 4 { // in turn
		wantLines(t, client, 300)
	}
	// The connection of a libzmq ROUTER ends: so does the stream, at once.
	ended := make(chan error, 2)
	for range 2 { // one at each server
		var once sync.Once
		first := make(chan struct{})
		go func() {
			for _, err := range client.Watch(testkit.Within(t), &chatv1.WatchRequest{}) {
				if err != nil {
					ended <- err
					return
				}
				once.Do(func() { close(first) })
			}
		}()
		<-first
	}
	foreign.kill()
	if err := get(t, ended); gozmq.CodeOf(err) != gozmq.CodeUnavailable {
		t.Errorf("the stream ended with %v", err)
	}
	wantLines(t, client, 300)
}

// TestForeignProxyDealsStreams: zmq_proxy with two servers carries a stream of the
// server that needs no further credit, and ends every other one with an error that
// says what to do.
func TestForeignProxyDealsStreams(t *testing.T) {
	leakChecked(t)
	python(t)
	front, back := startProxy(t, "ROUTER", "bind", anyPort, "DEALER", "bind", anyPort)
	for _, name := range []string{"one", "two"} {
		serveRoom(t, gozmq.Connect(back), &room{name: name, canceled: make(chan struct{}, 64)})
	}
	client, _ := dialRoom(t, gozmq.Connect(front))
	answered := map[string]bool{}
	testkit.Eventually(t, "answers of both servers", func() bool {
		texts, err := watchAll(t, client, 3)
		if err != nil || len(texts) != 3 {
			t.Fatalf("watched %q, %v", texts, err)
		}
		answered[texts[0]] = true
		return len(answered) == 2
	})
	clear := func(what string, err error) {
		t.Helper()
		if gozmq.CodeOf(err) != gozmq.CodeFailedPrecondition || !strings.Contains(err.Error(), "use gozmq.Proxy") {
			t.Errorf("%s gave %v", what, err)
		}
	}
	_, err := watchAll(t, client, 500)
	clear("Watch", err)
	_, err = chat(t, client, 10)
	clear("Chat", err)
	ctx := testkit.Within(t)
	up := client.Upload(ctx)
	for err = nil; err == nil; {
		err = up.Send(ctx, new(chatv1.Line))
	}
	clear("Upload", err)
	for range 20 { // also one whose end could overtake the error
		up := client.Upload(ctx)
		for range 3 {
			_ = up.Send(ctx, new(chatv1.Line))
		}
		_, err := up.CloseAndReceive(ctx)
		clear("a short Upload", err)
	}
	if texts, err := watchAll(t, client, 3); err != nil || len(texts) != 3 {
		t.Errorf("then watched %q, %v", texts, err)
	}
}
