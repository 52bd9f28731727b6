package curve

import (
	"bytes"
	"testing"
)

// TestStreamIsSecretbox makes messages of every size around those of a block and of
// a pad, and compares their boxes with those of nacl/secretbox.
func TestStreamIsSecretbox(t *testing.T) {
	key := [KeySize]byte{1, 2, 3}
	s := newStream(&key, prefixClient)
	message := make([]byte, 4*padSize)
	for i := range message {
		message[i] = byte(i * 7)
	}
	for size := range message {
		n := uint64(size)<<32 + 5
		plain := message[:size]
		want := seal([]byte("before"), plain, counted(prefixClient, n), &key)
		got := s.seal([]byte("before"), plain, n)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: the box is %x, want %x", size, got, want)
		}
		box := got[len("before"):]
		if opened, ok := s.open([]byte("before"), box, n); !ok || string(opened) != "before"+string(plain) {
			t.Errorf("%d bytes come back as %x, %v", size, opened, ok)
		}
		if _, ok := s.open(nil, box, n+1); ok {
			t.Errorf("%d bytes: the box opens with another number", size)
		}
		for _, i := range []int{0, overhead - 1, len(box) / 2, len(box) - 1} {
			damaged := bytes.Clone(box)
			damaged[i] ^= 0x80
			if _, ok := s.open(nil, damaged, n); ok {
				t.Errorf("%d bytes: byte %d may change", size, i)
			}
		}
	}
	for size := range overhead {
		if _, ok := s.open(nil, make([]byte, size), 0); ok {
			t.Errorf("%d bytes are a box", size)
		}
	}
}
