package wire

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

func TestParsePublication(t *testing.T) {
	tests := []struct {
		name   string
		frames [][]byte
		want   Publication
		err    error
	}{
		{"none", nil, Publication{}, ErrPublicationFrames},
		{"bare", [][]byte{[]byte("b")}, Publication{Body: []byte("b")}, nil},
		{"topic", [][]byte{[]byte("t"), []byte("b")}, Publication{Topic: []byte("t"), Body: []byte("b")}, nil},
		{"empty topic", [][]byte{nil, []byte("b")}, Publication{Topic: []byte{}, Body: []byte("b")}, nil},
		{"header", [][]byte{[]byte("t"), nil, []byte("h")}, Publication{Topic: []byte("t"), Header: []byte("h")}, nil},
		{"empty header", [][]byte{[]byte("t"), nil, nil}, Publication{Topic: []byte("t"), Header: []byte{}}, nil},
		{"too many", make([][]byte, 4), Publication{}, ErrPublicationFrames},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParsePublication(tt.frames)
			same := bytes.Equal(got.Topic, tt.want.Topic) && bytes.Equal(got.Body, tt.want.Body) && bytes.Equal(got.Header, tt.want.Header)
			if !errors.Is(err, tt.err) || !same || (got.Header == nil) != (tt.want.Header == nil) || got.Bare() != tt.want.Bare() {
				t.Errorf("got %q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// FuzzPublication encodes a publication and reads it again.
func FuzzPublication(f *testing.F) {
	f.Add([]byte("topic"), []byte("body"), true, uint64(1))
	f.Add([]byte{}, []byte{}, false, uint64(0))
	f.Fuzz(func(t *testing.T, topic, body []byte, header bool, position uint64) {
		b := zmtp.AppendFrame(AppendTopic(nil, topic), PublicationBodyFlags(header), body)
		h := PublicationHeader{Publisher: 1, Position: position}
		if header {
			b = h.AppendFrame(b)
		}
		p, err := ParsePublication(splitFrames(t, b))
		if err != nil || p.Bare() || !bytes.Equal(p.Topic, topic) || !bytes.Equal(p.Body, body) || (p.Header != nil) != header {
			t.Fatalf("got %q, %v", p, err)
		}
		var got PublicationHeader
		if header && (!got.Parse(p.Header) || !reflect.DeepEqual(got, h)) {
			t.Errorf("the header is %+v, want %+v", got, h)
		}
		if c := p.Clone(); c.Size() != len(topic)+len(body)+len(p.Header) || (c.Header == nil) == header || c.Bare() {
			t.Errorf("the copy is %q", c)
		}
		if alone := BareBody(zmtp.AppendFrame(nil, PublicationBodyFlags(false), body)); !bytes.Equal(alone, body) {
			t.Errorf("the bare body is %q", alone)
		}
	})
}

// splitFrames returns the frames of one message.
func splitFrames(t *testing.T, b []byte) (frames [][]byte) {
	t.Helper()
	for more := true; more; {
		h, _, err := zmtp.ParseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		end := h.Len + int(h.Size)
		frames = append(frames, b[h.Len:end])
		b, more = b[end:], h.Flags&zmtp.FlagMore != 0
	}
	if len(b) > 0 {
		t.Fatalf("%d bytes are left", len(b))
	}
	return frames
}
