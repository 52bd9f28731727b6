package socket

import (
	"bytes"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A message that is passed on is what came, behind its route, and a receiver
// whose limit is its size takes it.
func TestFrames(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 300)
	for _, test := range []struct {
		name  string
		route []byte
		parts [][]byte
	}{
		{"one frame", nil, [][]byte{[]byte("a")}},
		{"one empty frame", nil, [][]byte{nil}},
		{"several", nil, [][]byte{[]byte("a"), nil, long}},
		{"behind a route", []byte("route"), [][]byte{nil, long, nil}},
		{"one behind an empty route", []byte{}, [][]byte{[]byte("a")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := Frames{Route: test.route, Parts: test.parts}
			b, err := f.AppendMessage([]byte("before"))
			if err != nil || !bytes.HasPrefix(b, []byte("before")) {
				t.Fatalf("got %q, %v", b, err)
			}
			b = b[len("before"):]
			want := test.parts
			if test.route != nil {
				want = append([][]byte{test.route}, want...)
			}
			s := zmtp.Scanner{Limits: zmtp.Limits{MaxFrame: 1 << 20, MaxMessage: f.Size(), MaxFrames: 10}}
			token, err := s.Next(b)
			if err != nil || token != zmtp.Message {
				t.Fatalf("a scanner with a limit of %d found %v, %v", f.Size(), token, err)
			}
			if got := s.Frames(b); !bytes.Equal(bytes.Join(got, []byte("|")), bytes.Join(want, []byte("|"))) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
