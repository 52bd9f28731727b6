package wire

import (
	"math"
	"reflect"
	"testing"
	"time"
)

// wireOf returns the bytes of frames, of which each but the last has the flag
// "more".
func wireOf(frames ...string) string {
	var b []byte
	for i, f := range frames {
		flags := byte(1)
		if i == len(frames)-1 {
			flags = 0
		}
		b = append(append(b, flags, byte(len(f))), f...)
	}
	return string(b)
}

// TestStreamBytes: what each message of a stream is, byte for byte.
func TestStreamBytes(t *testing.T) {
	must := func(b []byte, err error) string {
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	sized := func(b []byte, size int, err error) string {
		if size != len("body") {
			t.Errorf("the size is %d", size)
		}
		return must(b, err)
	}
	window := Stream{Present: true, Messages: FirstMessages, Bytes: FirstBytes}
	for name, c := range map[string]struct{ got, want string }{
		"start": {
			must(AppendRequest(nil, "a.B/C", rawBody("body"), RequestHeader{Stream: window})),
			wireOf("a.B/C", "body", "\x22\x06\x08\x40\x10\x80\x80\x04"),
		},
		"start with its end and a timeout": {
			must(AppendRequest(nil, "a.B/C", rawBody("body"), RequestHeader{Timeout: time.Microsecond, Stream: Stream{Present: true, End: true}})),
			wireOf("a.B/C", "body", "\x08\x01\x22\x02\x20\x01"),
		},
		"client's message": {sized(AppendStreamMessage(nil, rawBody("body"))), wireOf("", "body")},
		"half-close":       {string(AppendStreamControl(nil, Stream{Present: true, End: true})), wireOf("", "", "\x22\x04\x18\x01\x20\x01")},
		"counted":          {string(AppendStreamControl(nil, Stream{Present: true, End: true, Sent: 2})), wireOf("", "", "\x22\x06\x18\x01\x20\x01\x28\x02")},
		"credit":           {string(AppendStreamControl(nil, window)), wireOf("", "", "\x22\x08\x08\x40\x10\x80\x80\x04\x18\x01")},
		"server's message": {sized(AppendStreamReply(nil, rawBody("body"))), wireOf("", "body", "\x22\x00")},
		"server's credit":  {must(AppendStreamReplyControl(nil, window, nil)), wireOf("", "", "\x22\x08\x08\x40\x10\x80\x80\x04\x18\x01")},
		"headers": {
			must(AppendStreamReplyControl(nil, Stream{Present: true}, Metadata{"k": {"v"}})),
			wireOf("", "", "\x0a\x06\x0a\x01k\x12\x01v\x22\x02\x18\x01"),
		},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %x, want %x", name, c.got, c.want)
		}
	}
}

func TestStreamUnlimited(t *testing.T) {
	if got := (Stream{Messages: 3}).Unlimited(); got.Messages != 3 || got.Bytes != math.MaxUint64 {
		t.Errorf("got %+v", got)
	}
	if got := (Stream{Bytes: 3}).Unlimited(); got.Messages != math.MaxUint64 || got.Bytes != 3 {
		t.Errorf("got %+v", got)
	}
}

// TestStreamBodyWithoutMessage: a body beside no_message is an error.
func TestStreamBodyWithoutMessage(t *testing.T) {
	frames := [][]byte{[]byte("a.B/C"), []byte("body"), []byte("\x22\x02\x18\x01")}
	if _, err := ParseRequest(frames); err == nil {
		t.Error("a body beside no_message has passed")
	}
}

// FuzzStreamRequest decodes any header of a request: the quick way and protobuf's
// agree, and what parses goes round unchanged.
func FuzzStreamRequest(f *testing.F) {
	f.Add([]byte("\x22\x06\x08\x40\x10\x80\x80\x04"), []byte("body"))
	f.Add([]byte("\x08\x01\x22\x02\x20\x01"), []byte(""))
	f.Add([]byte("\x22\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), []byte(""))
	f.Add([]byte("\x22\x02\x28\x01\x22\x02\x18\x01"), []byte("x"))
	f.Fuzz(func(t *testing.T, header, body []byte) {
		r, err := ParseRequest([][]byte{nil, body, header})
		if err != nil {
			return
		}
		s := r.Header.Stream
		if slow, err := ParseRequestHeader(append(header[:len(header):len(header)], "\x9a\x06\x00"...)); err != nil || slow.Stream != s {
			t.Fatalf("%x is %+v the quick way and %+v, %v the slow way", header, s, slow.Stream, err)
		}
		if s.NoMessage && len(body) > 0 {
			t.Fatalf("%x with a body of %d bytes has passed", header, len(body))
		}
		if !s.Present || r.Header.Cancel {
			return
		}
		out, err := AppendRequest(nil, "p", rawBody(body), r.Header)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseRequest(splitMessage(t, out))
		if err != nil || !reflect.DeepEqual(again.Header, r.Header) {
			t.Fatalf("%+v came back as %+v, %v", r.Header, again.Header, err)
		}
	})
}

// FuzzStreamReply does the same for the header of a reply.
func FuzzStreamReply(f *testing.F) {
	f.Add([]byte(plainStream))
	f.Add([]byte("\x22\x08\x08\x40\x10\x80\x80\x04\x18\x01"))
	f.Add([]byte("\x0a\x06\x0a\x01k\x12\x01v\x22\x02\x18\x01"))
	f.Fuzz(func(t *testing.T, header []byte) {
		h, err := ParseReplyHeader(header)
		if err != nil {
			return
		}
		if slow, err := ParseReplyHeader(append(header[:len(header):len(header)], "\x9a\x06\x00"...)); err != nil || slow.Stream != h.Stream {
			t.Fatalf("%x is %+v the quick way and %+v, %v the slow way", header, h.Stream, slow.Stream, err)
		}
		if !h.Stream.Present {
			return
		}
		h.Stream.NoMessage = true
		out, err := AppendStreamReplyControl(nil, h.Stream, h.Headers)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseReply(splitMessage(t, out))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseReplyHeader(r.Header); err != nil || again.Stream != h.Stream || !reflect.DeepEqual(again.Headers, h.Headers) {
			t.Fatalf("%+v came back as %+v, %v", h, again, err)
		}
	})
}
