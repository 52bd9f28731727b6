package interop

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/gozmq/gozmq/example/gen/chat/v1"
	"github.com/gozmq/gozmq/example/gen/chat/v1/chatv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// A watched says what came of a stream of Watch, and how it ended.
type watched struct {
	lines int
	meta  gozmq.ReplyMetadata
	err   error
}

// watchHi watches lines that are all "Hi", from Ada.
func watchHi(ctx context.Context, t *testing.T, client chatv1gozmq.RoomClient) <-chan watched {
	ended := make(chan watched, 1)
	go func() {
		var w watched
		for line, err := range client.Watch(ctx, &chatv1.WatchRequest{Last: 2}, gozmq.WithReplyMetadata(&w.meta)) {
			if w.err = err; err != nil {
				break
			}
			if w.lines++; line.GetAuthor() != "Ada" || line.GetText() != "Hi" {
				t.Errorf("got %v", line)
			}
		}
		ended <- w
	}()
	return ended
}

// wantCall reads what a client of ours sends, which is the example but for the
// call id. It returns that.
func (p *rawPeer) wantCall(example []byte) (id []byte) {
	p.t.Helper()
	got := p.read(len(example))
	id = got[startOfCallID:endOfCallID]
	sameBytes(p.t, got, withCallID(example, id))
	return id
}

// halfWindow is how many messages a receiver consumes before it grants more.
const halfWindow = 32

func playStreamClient(t *testing.T, ex map[string][]byte) {
	l := listenRaw(t)
	client, _ := dialRoom(t, gozmq.Connect(l.endpoint()))
	ctx := t.Context() // a deadline would be in the header
	ended := watchHi(ctx, t, client)
	p := l.accept("ROUTER", 1)
	id := p.wantCall(ex["stream-start"])
	p.send(withCallID(ex["stream-message-server"], id))
	p.send(withCallID(ex["stream-end"], id))
	if w := get(t, ended); w.err != nil || w.lines != 1 {
		t.Errorf("watched %d lines, then %v", w.lines, w.err)
	}

	ended = watchHi(ctx, t, client)
	id = p.wantCall(ex["stream-start"])
	p.send(withCallID(ex["stream-headers"], id))
	for range halfWindow {
		p.send(withCallID(ex["stream-message-server"], id))
	}
	p.expect(withCallID(ex["stream-credit-client"], id))
	p.send(withCallID(ex["stream-end-error"], id))
	w := get(t, ended)
	if gozmq.CodeOf(w.err) != gozmq.CodeNotFound || w.lines != halfWindow {
		t.Errorf("watched %d lines, then %v", w.lines, w.err)
	}
	if w.meta.Headers["served-by"][0] != "a" || w.meta.Trailers["lines"][0] != "42" {
		t.Errorf("the metadata is %v", w.meta)
	}
	playCanceled(t, p, client, ex)
	playUpload(t, p, client, ex)
}

// playCanceled leaves a loop behind its first line. The peer has not announced
// X-Gozmq.
func playCanceled(t *testing.T, p *rawPeer, client chatv1gozmq.RoomClient, ex map[string][]byte) {
	t.Helper()
	left := make(chan struct{})
	go func() {
		defer close(left)
		for range client.Watch(t.Context(), &chatv1.WatchRequest{Last: 2}) {
			break
		}
	}()
	id := p.wantCall(ex["stream-start"])
	p.send(withCallID(ex["stream-message-server"], id))
	p.expect(withCallID(ex["reqrep-cancel"], id))
	<-left
}

// playUpload is a stream of our client.
func playUpload(t *testing.T, p *rawPeer, client chatv1gozmq.RoomClient, ex map[string][]byte) {
	t.Helper()
	lines := make(chan uint32, 1)
	go func() {
		ctx := t.Context()
		up := client.Upload(ctx)
		for range 2 {
			if err := up.Send(ctx, &chatv1.Line{Author: "Ada", Text: "Hi"}); err != nil {
				t.Errorf("Send: %v", err)
			}
		}
		summary, err := up.CloseAndReceive(ctx)
		if err != nil {
			t.Errorf("CloseAndReceive: %v", err)
		}
		lines <- summary.GetLines()
	}()
	id := p.wantCall(ex["stream-start-upload"])
	p.expect(withCallID(ex["stream-message-client"], id))
	p.expect(withCallID(ex["stream-half-close"], id))
	p.send(withCallID(ex["stream-reply"], id))
	if n := get(t, lines); n != 2 {
		t.Errorf("the reply says %d lines", n)
	}
}

// scripted serves what the examples say.
type scripted struct {
	room
	fails bool
}

func (s *scripted) Watch(ctx context.Context, _ *chatv1.WatchRequest, out gozmq.Sender[chatv1.Line]) error {
	if info := gozmq.CallInfoFromContext(ctx); s.fails {
		info.AddReplyHeader("served-by", "a")
		info.AddReplyTrailer("lines", "42")
	}
	if err := out.Send(ctx, &chatv1.Line{Author: "Ada", Text: "Hi"}); err != nil || !s.fails {
		return err
	}
	return gozmq.Errorf(gozmq.CodeNotFound, "the room is gone")
}

func playStreamServer(t *testing.T, ex map[string][]byte) {
	s := &scripted{room: *newRoom()}
	at := serve(t, gozmq.Bind(anyPort), func(r gozmq.Registrar) error { return chatv1gozmq.RegisterRoomServer(r, s) })
	p := dialRaw(t, at[0], "DEALER", 1)
	p.send(ex["stream-start"])
	p.expect(ex["stream-message-server"])
	p.expect(ex["stream-end"])
	s.fails = true
	id := callID(2)
	p.send(withCallID(ex["stream-start"], id))
	p.expect(withCallID(ex["stream-headers"], id))
	p.expect(withCallID(ex["stream-message-server"], id))
	p.expect(withCallID(ex["stream-end-error"], id))

	id = callID(3)
	p.send(withCallID(ex["stream-start-upload"], id))
	for range halfWindow - 1 {
		p.send(withCallID(ex["stream-message-client"], id))
	}
	p.expect(withCallID(ex["stream-credit-server"], id))
	p.send(withCallID(ex["reqrep-cancel"], id)) // by a peer that has not announced X-Gozmq
	p.send(withCallID(ex["stream-message-client"], id))

	id = callID(4)
	p.send(withCallID(ex["stream-start-upload"], id))
	p.send(withCallID(ex["stream-message-client"], id))
	p.send(withCallID(ex["stream-half-close"], id))
	p.expect(withCallID(ex["stream-reply"], id))

	p.send(withCallID(ex["stream-message-client"], callID(5))) // of no stream
	wantEnd(t, p, callID(5), gozmq.CodeFailedPrecondition)
}

// wantEnd reads the end of a call that failed.
func wantEnd(t *testing.T, p *rawPeer, id []byte, code gozmq.Code) {
	t.Helper()
	got, status := p.readMessage(), new(gozmqv1.Status)
	if len(got) != 4 || string(got[0]) != string(id) {
		t.Fatalf("got %q, want an end for %x", got, id)
	}
	decode(t, got[2], status)
	if gozmq.Code(status.GetCode()) != code {
		t.Errorf("the end is %v, want %v", status, code)
	}
}

// TestPythonOpensStreams: a libzmq DEALER reads a stream of ours to its end,
// cancels another and goes on.
func TestPythonOpensStreams(t *testing.T) {
	meet(t, func(t *testing.T, m meeting) {
		r := newRoom()
		client := m.peer(t, script{"stream_client.py", nil}, func(at gozmq.Endpoints) []string { return serveRoom(t, at, r) })
		wantStreamClient(client)
		get(t, r.canceled)
	})
}

// TestStreamClientIsShort: a DEALER of twenty lines, beside its imports, is enough
// for streams.
func TestStreamClientIsShort(t *testing.T) {
	var code string
	for _, f := range protocolFences(t, "python") {
		if f.key == "stream_client.py" {
			code = f.text
		}
	}
	lines := 0
	for line := range strings.Lines(code) {
		switch line = strings.TrimSpace(line); {
		case line == "", strings.HasPrefix(line, `"""`), strings.HasPrefix(line, "import "), strings.HasPrefix(line, "from "):
		default:
			lines++
		}
	}
	if lines == 0 || lines > 20 {
		t.Errorf("it has %d lines", lines)
	}
}

// wantStreamClient checks what stream_client.py writes.
func wantStreamClient(client *process) {
	client.t.Helper()
	const first, second, third = "line " + "line 1", "line " + "line 2", "line " + "line 3"
	for _, line := range []string{first, second, third, "end 0", first, "canceled", first, "end 0"} {
		client.expect(line)
	}
	client.wait()
}

// TestPythonServesStreams: our client reads streams of a libzmq ROUTER that are
// longer than any credit, and cancels one.
func TestPythonServesStreams(t *testing.T) {
	meet(t, func(t *testing.T, m meeting) {
		var client chatv1gozmq.RoomClient
		server := m.peer(t, script{"stream_server.py", nil}, func(at gozmq.Endpoints) (addrs []string) {
			client, addrs = dialRoom(t, at)
			return addrs
		})
		wantLines(t, client, 3)
		wantLines(t, client, 500)
		for _, err := range client.Watch(testkit.Within(t), &chatv1.WatchRequest{}) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		server.expect("canceled")
		wantLines(t, client, 1)
		ctx := testkit.Within(t)
		if _, err := client.Upload(ctx).CloseAndReceive(ctx); gozmq.CodeOf(err) != gozmq.CodeUnimplemented {
			t.Errorf("Upload gave %v", err)
		}
	})
}

// TestPythonStreamsToPython: the scripts of the document, with each other.
func TestPythonStreamsToPython(t *testing.T) {
	python(t)
	for _, mode := range bindModes {
		t.Run(mode.name, func(t *testing.T) {
			client, server := mode.peers(t, script{"stream_client.py", nil}, script{"stream_server.py", nil})
			wantStreamClient(client)
			server.expect("canceled")
			server.kill()
		})
	}
}

// TestREQOpensNoStream: a REQ that opens a stream, a call of a method that streams,
// and a stream of one that does not, get an answer at once.
func TestREQOpensNoStream(t *testing.T) {
	leakChecked(t)
	python(t)
	at := serve(t, gozmq.Bind(anyPort), func(r gozmq.Registrar) error { return chatv1gozmq.RegisterRoomServer(r, newRoom()) })
	req := newProbe(t, "REQ", nil)
	req.connect(at[0])
	start := encode(t, &gozmqv1.RequestHeader{Stream: &gozmqv1.Stream{End: true}})
	for _, frames := range [][][]byte{{[]byte(watchMethod), nil, start}, {[]byte(watchMethod), nil}} {
		req.send(frames...)
		status := new(gozmqv1.Status)
		decode(t, req.receive()[0], status)
		if gozmq.Code(status.GetCode()) != gozmq.CodeFailedPrecondition {
			t.Errorf("%q gave %v", frames, status)
		}
	}
	greeter := serveGreeter(t, gozmq.Bind(anyPort), &greeter{})
	p := dialRaw(t, greeter[0], "DEALER", 1)
	p.send(rawzmtp.Message(callID(1), nil, []byte(sayHelloMethod), nil, start))
	wantEnd(t, p, callID(1), gozmq.CodeFailedPrecondition)
}

// TestREPServesNoStream: our client opens a stream at a libzmq REP, which takes
// it for a call of a method that it does not have.
func TestREPServesNoStream(t *testing.T) {
	leakChecked(t)
	python(t)
	_, at := startPeer(t, "rep_server.py", "bind", anyPort)
	client, _ := dialRoom(t, gozmq.Connect(at[0]))
	if _, err := watchAll(t, client, 1); gozmq.CodeOf(err) != gozmq.CodeUnimplemented {
		t.Errorf("Watch gave %v", err)
	}
	if name, err := chat(t, client, 3); gozmq.CodeOf(err) != gozmq.CodeUnimplemented {
		t.Errorf("Chat gave %q, %v", name, err)
	}
}

func decode(t *testing.T, b []byte, m proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
}
