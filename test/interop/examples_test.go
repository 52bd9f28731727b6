package interop

import (
	"encoding/binary"
	"encoding/hex"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/gozmq/gozmq/example/gen/chat/v1"
	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

const protocolFile = "../../docs/PROTOCOL.md"

// A fence is a fenced block of docs/PROTOCOL.md.
type fence struct{ language, key, text string }

var fences = regexp.MustCompile("(?ms)^```(\\w+) (?:id|file)=(\\S+)\n(.*?)^```$")

func protocolFences(t *testing.T, language string) []fence {
	t.Helper()
	doc, err := os.ReadFile(protocolFile)
	if err != nil {
		t.Fatal(err)
	}
	var found []fence
	for _, m := range fences.FindAllStringSubmatch(string(doc), -1) {
		if m[1] == language {
			found = append(found, fence{m[1], m[2], m[3]})
		}
	}
	return found
}

// examples returns the hexadecimal examples of docs/PROTOCOL.md by their id.
func examples(t *testing.T) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, f := range protocolFences(t, "hex") {
		var digits strings.Builder
		for line := range strings.Lines(f.text) {
			line, _, _ = strings.Cut(line, "#")
			for _, field := range strings.Fields(line) {
				digits.WriteString(field)
			}
		}
		b, err := hex.DecodeString(digits.String())
		if err != nil {
			t.Fatalf("example %s: %v", f.key, err)
		}
		if _, twice := found[f.key]; twice {
			t.Fatalf("two examples are called %s", f.key)
		}
		found[f.key] = b
	}
	return found
}

// TestProtocolExamples encodes what each example of docs/PROTOCOL.md says it
// is, from the messages and the rules alone.
func TestProtocolExamples(t *testing.T) {
	want := wantExamples(t)
	got := examples(t)
	for id, b := range want {
		if string(got[id]) != string(b) {
			t.Errorf("%s\n is % x\nwant % x", id, got[id], b)
		}
	}
	for id := range got {
		if _, known := want[id]; !known {
			t.Errorf("nothing checks the example %s", id)
		}
	}
}

// TestProtocolScripts holds the scripts in docs/PROTOCOL.md to those that the
// other tests run.
func TestProtocolScripts(t *testing.T) {
	shown := map[string]bool{}
	for _, f := range protocolFences(t, "python") {
		shown[f.key] = true
		b, err := os.ReadFile("testdata/peers/" + f.key)
		if err != nil {
			t.Fatal(err)
		}
		if f.text != string(b) {
			t.Errorf("%s in the document is not testdata/peers/%s", f.key, f.key)
		}
	}
	entries, err := os.ReadDir("testdata/peers")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() && !shown[e.Name()] {
			t.Errorf("the document does not show %s", e.Name())
		}
	}
}

const (
	sayHelloMethod = "greet.v1.Greeter/SayHello"
	renderMethod   = "image.v1.Thumbnails/Render"
	printMethod    = "image.v1.Prints/Render"
	watchMethod    = "chat.v1.Room/Watch"
	uploadMethod   = "chat.v1.Room/Upload"
	amsTopic       = "weather/ams/temperature"
)

func wantExamples(t *testing.T) map[string][]byte {
	var (
		empty    []byte
		id       = binary.BigEndian.AppendUint64(nil, 1)
		hello    = []byte(sayHelloMethod)
		request  = encode(t, &greetv1.HelloRequest{Name: "World"})
		reply    = encode(t, &greetv1.HelloReply{Message: "Hello, World!"})
		invalid  = encode(t, &gozmqv1.Status{Code: 3, Message: "name must not be empty"})
		twoSec   = encode(t, &gozmqv1.RequestHeader{TimeoutUs: 2e6})
		fiveSec  = encode(t, &gozmqv1.RequestHeader{TimeoutUs: 5e6})
		token    = encode(t, &gozmqv1.RequestHeader{Metadata: []*gozmqv1.Metadatum{{Key: "token", Value: []byte("t1")}}})
		cancel   = encode(t, &gozmqv1.RequestHeader{Cancel: true})
		server   = encode(t, &gozmqv1.ReplyHeader{Headers: []*gozmqv1.Metadatum{{Key: "served-by", Value: []byte("a")}}})
		reading  = encode(t, &weatherv1.Reading{Station: "ams", Celsius: 12.5})
		place    = encode(t, &gozmqv1.PublicationHeader{Publisher: 0x0123456789abcdef, Position: 7, Previous: 5, Sequence: 3, TimeUs: 1_700_000_000_000_000})
		traced   = encode(t, &gozmqv1.PublicationHeader{Publisher: 0x0123456789abcdef, TimeUs: 1_700_000_000_000_000, Metadata: []*gozmqv1.Metadatum{{Key: "trace", Value: []byte("4bf92f35")}}})
		replayed = encode(t, &gozmqv1.PublicationHeader{Publisher: 0x0123456789abcdef, Position: 7, Previous: 5, Sequence: 3, TimeUs: 1_700_000_000_000_000, Retained: true, Replayed: true})
		task     = encode(t, &imagev1.RenderTask{Name: "a.png", Png: []byte("a large picture"), Size: 64})
		result   = encode(t, &imagev1.RenderResult{Name: "a.png", Png: []byte("a small picture"), Worker: "python"})
		asLegacy = func(b byte) []byte { return append([]byte{b}, amsTopic...) }
	)
	examples := map[string][]byte{
		"greeting":         greeting(0, 1),
		"greeting-libzmq":  greeting(1, 1),
		"frame-long":       rawzmtp.Frame(0, make([]byte, 256))[:9],
		"ready-dealer":     rawzmtp.Ready("Socket-Type", "DEALER", "X-Gozmq", "1", "X-Gozmq-Role", "client", "X-Gozmq-Max-Size", "4194304"),
		"ready-req":        rawzmtp.Ready("Socket-Type", "REQ", "Identity", ""),
		"ping":             rawzmtp.Command("PING", []byte{300 >> 8, 300 & 0xff}),
		"oversized":        rawzmtp.Command("OVERSIZED", "\x00\x00\x00\x00\x00\x10\x00\x00\x01weather/ams"),
		"pong":             rawzmtp.Command("PONG", ""),
		"ping-context":     rawzmtp.Command("PING", []byte{300 >> 8, 300 & 0xff, 'a', 'b', 'c'}),
		"pong-context":     rawzmtp.Command("PONG", []byte("abc")),
		"bare-body":        rawzmtp.Message(request),
		"pushpull-task":    rawzmtp.Message([]byte(renderMethod), task),
		"pushpull-result":  rawzmtp.Message([]byte(renderMethod), result),
		"pubsub-subscribe": rawzmtp.Command("SUBSCRIBE", []byte(amsTopic)),
		"pubsub-cancel":    rawzmtp.Command("CANCEL", []byte(amsTopic)),

		"pubsub-subscribe-message": rawzmtp.Message(asLegacy(1)),
		"pubsub-cancel-message":    rawzmtp.Message(asLegacy(0)),
		"pubsub-publication":       rawzmtp.Message([]byte(amsTopic), reading),
		"pubsub-sequenced":         rawzmtp.Message([]byte(amsTopic), reading, place),
		"pubsub-metadata":          rawzmtp.Message([]byte(amsTopic), reading, traced),
		"pubsub-replayed":          rawzmtp.Message([]byte(amsTopic), reading, replayed),

		"reqrep-request-req":        rawzmtp.Message(empty, hello, request),
		"reqrep-request-req-header": rawzmtp.Message(empty, hello, request, fiveSec),
		"reqrep-request-req-empty":  rawzmtp.Message(empty, hello, empty, fiveSec),
		"reqrep-request-dealer":     rawzmtp.Message(id, empty, hello, request, twoSec),
		"reqrep-request-metadata":   rawzmtp.Message(empty, hello, request, token),
		"reqrep-cancel":             rawzmtp.Message(id, empty, empty, empty, cancel),
		"reqrep-reply-metadata":     rawzmtp.Message(id, empty, empty, reply, server),
		"reqrep-reply-req":          rawzmtp.Message(empty, empty, reply),
		"reqrep-reply-req-error":    rawzmtp.Message(empty, invalid, empty),
		"reqrep-reply-dealer":       rawzmtp.Message(id, empty, empty, reply),
		"reqrep-reply-dealer-error": rawzmtp.Message(id, empty, invalid, empty),
		"bare-request-dealer":       rawzmtp.Message(id, empty, request),
		"bare-reply-dealer":         rawzmtp.Message(id, empty, reply),
		"bare-request-req":          rawzmtp.Message(empty, request),

		"first-request":      rawzmtp.Message(empty, hello, request),
		"first-reply":        rawzmtp.Message(empty, empty, reply),
		"first-subscription": rawzmtp.Command("SUBSCRIBE", []byte(amsTopic)),
		"first-publication":  rawzmtp.Message([]byte(amsTopic), reading),
		"first-task":         rawzmtp.Message([]byte(renderMethod), task),
	}
	maps.Copy(examples, wantStreamExamples(t))
	maps.Copy(examples, wantDeliveryExamples(t, task, result))
	maps.Copy(examples, wantSecurityExamples(t))
	return examples
}

// wantStreamExamples are those of calls with several messages.
func wantStreamExamples(t *testing.T) map[string][]byte {
	var (
		id      = binary.BigEndian.AppendUint64(nil, 1)
		line    = encode(t, &chatv1.Line{Author: "Ada", Text: "Hi"})
		request = func(s *gozmqv1.Stream) []byte { return encode(t, &gozmqv1.RequestHeader{Stream: s}) }
		more    = &gozmqv1.Stream{MaxMessages: 96, MaxBytes: 65536 + 32*9, NoMessage: true}
		served  = []*gozmqv1.Metadatum{{Key: "served-by", Value: []byte("a")}}
		lines   = []*gozmqv1.Metadatum{{Key: "lines", Value: []byte("42")}}
		gone    = encode(t, &gozmqv1.Status{Code: 5, Message: "the room is gone"})
		of      = func(frames ...[]byte) []byte { return rawzmtp.Message(append([][]byte{id, nil}, frames...)...) }
	)
	return map[string][]byte{
		"stream-start": of([]byte(watchMethod), encode(t, &chatv1.WatchRequest{Last: 2}),
			request(&gozmqv1.Stream{MaxMessages: 64, MaxBytes: 65536, End: true})),
		"stream-start-upload":   of([]byte(uploadMethod), line, request(&gozmqv1.Stream{MaxMessages: 64, MaxBytes: 65536})),
		"stream-message-client": of(nil, line),
		"stream-message-server": of(nil, line, encode(t, &gozmqv1.ReplyHeader{Stream: &gozmqv1.Stream{}})),
		"stream-headers":        of(nil, nil, encode(t, &gozmqv1.ReplyHeader{Headers: served, Stream: &gozmqv1.Stream{NoMessage: true}})),
		"stream-credit-client":  of(nil, nil, request(more)),
		"stream-credit-server":  of(nil, nil, encode(t, &gozmqv1.ReplyHeader{Stream: more})),
		"stream-half-close":     of(nil, nil, request(&gozmqv1.Stream{NoMessage: true, End: true, Sent: 2})),
		"stream-reply":          of(nil, encode(t, &chatv1.UploadSummary{Lines: 2})),
		"stream-end":            of(nil, nil),
		"stream-end-error":      of(gone, nil, encode(t, &gozmqv1.ReplyHeader{Trailers: lines})),
	}
}

// wantDeliveryExamples are those of pipelines, beside the plain ones.
func wantDeliveryExamples(t *testing.T, task, result []byte) map[string][]byte {
	var (
		id       = append([]byte{0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18}, 0, 0, 0, 0, 0, 0, 0, 1)
		method   = []byte(printMethod)
		header   = encode(t, &gozmqv1.TaskHeader{Attempt: 1, LeaseUs: 10e6})
		batch    = &gozmqv1.Batch{Id: []byte("b1"), Name: "album", Ended: true, Tasks: 3, Complete: true}
		complete = append(encode(t, &gozmqv1.TaskHeader{Batch: batch}), header...)
		stop     = encode(t, &gozmqv1.TaskHeader{Stop: true})
		meta     = encode(t, &gozmqv1.TaskHeader{Metadata: []*gozmqv1.Metadatum{{Key: "tenant", Value: []byte("acme")}}})
		added    = encode(t, &gozmqv1.TaskHeader{ResultMetadata: []*gozmqv1.Metadatum{{Key: "host", Value: []byte("b7")}}})
		status   = encode(t, &gozmqv1.Status{Code: 3, Message: "not a picture"})
	)
	say := func(word string, frames ...[]byte) []byte {
		return rawzmtp.Message(append([][]byte{[]byte(word)}, frames...)...)
	}
	return map[string][]byte{
		"delivery-credit": say("CREDIT", []byte("2")),
		"delivery-task":   say("TASK", id, method, task, header),
		"delivery-done":   say("DONE", id),
		"delivery-fail":   say("FAIL", id, status),

		"delivery-task-keep":   say("TASK", id, method, task, encode(t, &gozmqv1.TaskHeader{Attempt: 1, LeaseUs: 10e6, KeepResult: 1 << 20})),
		"delivery-done-result": say("DONE", id, result),

		"delivery-extend":  say("EXTEND", id),
		"delivery-begin":   say("EXTEND", id, []byte("1")),
		"delivery-handled": say("EXTEND", id, []byte("1"), []byte("handled")),
		"delivery-again":   say("EXTEND", id, []byte("1"), nil, []byte("again")),
		"delivery-stop":    say("STOP"),

		"delivery-progress": say("EXTEND", id, []byte("1"), nil, nil, []byte("0.42"), []byte("page 42")),

		"delivery-cancel": say("CANCEL", id),
		"delivery-result": say("RESULT", id, method, result, header),
		"delivery-ack":    say("ACK", id),
		"delivery-batch":  say("TASK", id, nil, nil, complete),
		"pushpull-stop":   rawzmtp.Message([]byte{}, nil, stop),

		"pushpull-metadata":        rawzmtp.Message([]byte(renderMethod), task, meta),
		"pushpull-metadata-result": rawzmtp.Message([]byte(renderMethod), result, slices.Concat(meta, added)),
		"delivery-metadata":        say("TASK", id, method, task, slices.Concat(meta, header)),

		"delivery-credit-cancel": say("CREDIT", []byte("2"), []byte("cancel")),

		"delivery-alive": say("ALIVE", encode(t, &gozmqv1.Alive{Ventilator: []byte("v1"), LeaseUs: 60e6, Over: [][]byte{[]byte("b")}})),
	}
}

// wantSecurityExamples are those of PLAIN and CURVE.
func wantSecurityExamples(t *testing.T) map[string][]byte {
	var (
		req    = rawzmtp.Metadata("Socket-Type", "REQ", "Identity", "")
		dealer = rawzmtp.Metadata("Socket-Type", "DEALER", "X-Gozmq", "1", "X-Gozmq-Role", "client", "X-Gozmq-Max-Size", "4194304")
		router = rawzmtp.Metadata("Socket-Type", "ROUTER", "X-Gozmq", "1", "X-Gozmq-Role", "server", "X-Gozmq-Max-Size", "4194304")
		curve  = exampleCurve(t)
		cookie = repeated(0x04, 96)
	)
	return map[string][]byte{
		"plain-hello":    rawzmtp.Command("HELLO", []byte("\x03ada\x08lovelace")),
		"plain-welcome":  rawzmtp.Command("WELCOME", ""),
		"plain-initiate": rawzmtp.Command("INITIATE", req),
		"plain-ready":    rawzmtp.Command("READY", router),
		"plain-error":    rawzmtp.Command("ERROR", []byte("\x03400")),
		"curve-hello":    curve.hello(),
		"curve-welcome":  curve.welcome(repeated(0x03, 16), cookie),
		"curve-initiate": curve.initiate(cookie, repeated(0x05, 16), dealer),
		"curve-ready":    curve.ready(router),
		"curve-message":  curve.message(3, rawzmtp.FlagMore, []byte(sayHelloMethod)),
	}
}

// encode returns m in the binary format, fields in the order of their numbers.
func encode(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
