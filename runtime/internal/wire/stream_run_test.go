package wire

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// TestPlainStream: only a whole, short message with nothing but a body is found.
func TestPlainStream(t *testing.T) {
	const id = 0x0102030405060708
	key := string(binary.BigEndian.AppendUint64(nil, id))
	reply := wireOf(key, "", "", "body", plainStream)
	message := wireOf(key, "", "", "body")
	envelope := string(AppendCallID(nil, id))
	far := string(Envelope{[]byte("far"), []byte("away")}.Append(nil))
	for name, c := range map[string]struct {
		b, envelope string // of a reply: none
		body        string
		ok          bool
	}{
		"reply":                     {reply + "rest", "", "body", true},
		"empty reply":               {wireOf(key, "", "", "", plainStream), "", "", true},
		"longest reply":             {wireOf(key, "", "", strings.Repeat("x", zmtp.MaxShort), plainStream), "", strings.Repeat("x", zmtp.MaxShort), true},
		"another id":                {wireOf("12345678", "", "", "body", plainStream), "", "", false},
		"short id":                  {wireOf("1234567", "", "", "body", plainStream), "", "", false},
		"status":                    {wireOf(key, "", "s", "body", plainStream), "", "", false},
		"no envelope":               {wireOf(key, "x", "", "body", plainStream), "", "", false},
		"no header":                 {wireOf(key, "", "", "body"), "", "", false},
		"more in the header":        {wireOf(key, "", "", "", "\x22\x02\x18\x01"), "", "", false},
		"a frame behind the header": {wireOf(key, "", "", "body", plainStream, ""), "", "", false},
		"long frame": {
			string(zmtp.AppendFrameString(zmtp.AppendFrameString([]byte(envelope+"\x01\x00"), 1, strings.Repeat("x", 256)), 0, plainStream)), "", "", false,
		},
		"message":                     {message + "rest", envelope, "body", true},
		"empty message":               {wireOf(key, "", "", ""), envelope, "", true},
		"message with a far envelope": {far + wireOf("", "body"), far, "body", true},
		"another envelope":            {wireOf("12345678", "", "", "body"), envelope, "", false},
		"a method":                    {wireOf(key, "", "p", "body"), envelope, "", false},
		"message with a header":       {wireOf(key, "", "", "body", plainStream), envelope, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			find := func(b []byte) ([]byte, int) { return PlainStreamReply(b, id) }
			if c.envelope != "" {
				find = func(b []byte) ([]byte, int) { return PlainStreamMessage(b, c.envelope) }
			}
			body, n := find([]byte(c.b))
			if string(body) != c.body || (n > 0) != c.ok {
				t.Errorf("got %q, %d", body, n)
			}
			for i := range n { // what is not whole is not found
				if _, n := find([]byte(c.b[:i])); n != 0 {
					t.Errorf("found in %d bytes", i)
				}
			}
		})
	}
}

// FuzzPlainStream: what is found the quick way is what the frames say.
func FuzzPlainStream(f *testing.F) {
	const id = 7
	envelope := AppendCallID(nil, id)
	f.Add([]byte("\x01\x00\x01\x04body\x00\x02\x22\x00"))
	f.Add([]byte("\x01\x00\x00\x04body"))
	f.Add([]byte("\x01\x00\x01\x00\x00\x02\x22\x00\x01"))
	f.Add([]byte("\x01\x00\x03\x00\x00\x00\x00\x00\x00\x00\x01x\x00\x02\x22\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = append(bytes.Clone(envelope), b...)
		check := func(body []byte, n int, parse func(content [][]byte) ([]byte, Stream)) {
			if n == 0 {
				return
			}
			got, content, ok := SplitCallID(splitMessage(t, b[:n]))
			if !ok || got != id {
				t.Fatalf("%x has no such envelope", b[:n])
			}
			want, s := parse(content)
			if !bytes.Equal(body, want) || s != (Stream{Present: s.Present}) {
				t.Fatalf("%x is %x the quick way, and %x, %+v", b[:n], body, want, s)
			}
		}
		body, n := PlainStreamReply(b, id)
		check(body, n, func(content [][]byte) ([]byte, Stream) {
			r, err := ParseReply(content)
			h, headerErr := ParseReplyHeader(r.Header)
			if err != nil || headerErr != nil || r.Failed() || !h.Stream.Present || len(h.Headers)+len(h.Trailers) > 0 || !GoesOn(content) {
				t.Fatalf("%x: %+v, %+v, %v, %v", b[:n], r, h, err, headerErr)
			}
			return r.Body, h.Stream
		})
		body, n = PlainStreamMessage(b, string(envelope))
		check(body, n, func(content [][]byte) ([]byte, Stream) {
			r, err := ParseRequest(content)
			if err != nil || !Streamed(content) || !r.InStream() || r.Header.Cancel {
				t.Fatalf("%x: %+v, %v", b[:n], r, err)
			}
			return r.Body, r.Header.Stream
		})
	})
}
