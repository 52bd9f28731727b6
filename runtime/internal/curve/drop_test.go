package curve

import (
	"bytes"
	"errors"
	"testing"
)

// dropped passes a command to a Drop in pieces.
func dropped(s *Session, command []byte, piece int) (flags byte, err error) {
	d, err := s.NewDrop(command[:DropHead])
	if err != nil {
		return 0, err
	}
	for rest := command[DropHead:]; len(rest) > 0; {
		n := min(piece, len(rest))
		d.Write(rest[:n])
		rest = rest[n:]
	}
	return d.End()
}

// Commands of all sizes are authenticated in pieces as they are when they are
// opened, and the next one can be opened.
func TestDrop(t *testing.T) {
	client, server := meet(t).sessions()
	for _, size := range []int{0, 1, 30, 31, 32, 33, 63, 64, 1000, 100_000} {
		for _, piece := range []int{1, 7, 1 << 20} {
			for _, want := range []byte{0, FlagMore, FlagCommand} {
				plain := append([]byte{want}, bytes.Repeat([]byte{'x'}, size)...)
				flags, err := dropped(server, client.Seal(nil, plain), piece)
				if err != nil || flags != want {
					t.Fatalf("%d bytes in pieces of %d: flags %d, want %d: %v", size, piece, flags, want, err)
				}
			}
		}
	}
	if got, err := server.Open(nil, client.Seal(nil, []byte{0, 'y'})); err != nil || string(got) != "\x00y" {
		t.Errorf("the next one is %q: %v", got, err)
	}
}

// What was changed, repeated or removed on the way is noticed.
func TestDropForged(t *testing.T) {
	plain := append([]byte{0}, make([]byte, 500)...)
	for at := range DropHead + 100 {
		client, server := meet(t).sessions()
		command := client.Seal(nil, plain)
		command[at] ^= 1
		if _, err := dropped(server, command, 50); err == nil {
			t.Fatalf("a command with another byte %d is taken", at)
		}
	}
	client, server := meet(t).sessions()
	first, _, third := client.Seal(nil, plain), client.Seal(nil, plain), client.Seal(nil, plain)
	for _, step := range []struct {
		command []byte
		want    error
	}{{first, nil}, {first, ErrReplayed}, {third, ErrRemoved}} {
		if _, err := dropped(server, step.command, 50); !errors.Is(err, step.want) {
			t.Errorf("got %v, want %v", err, step.want)
		}
	}
	if _, err := server.NewDrop(bytes.Repeat([]byte("x"), DropHead)); err == nil {
		t.Error("what is no MESSAGE is taken")
	}
}
