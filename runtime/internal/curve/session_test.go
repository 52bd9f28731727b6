package curve

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestMessages(t *testing.T) {
	client, server := meet(t).sessions()
	for _, dir := range []struct{ from, to *Session }{{client, server}, {server, client}} {
		for _, plain := range [][]byte{{0}, {FlagMore}, {FlagCommand, 'x'}, append([]byte{0}, make([]byte, 1<<20)...)} {
			command := dir.from.Seal(nil, plain)
			if len(command) != len(plain)-1+Overhead {
				t.Errorf("MESSAGE has %d bytes, want %d", len(command), len(plain)-1+Overhead)
			}
			got, err := dir.to.Open([]byte("before"), command)
			if err != nil || !bytes.Equal(got, append([]byte("before"), plain...)) {
				t.Errorf("%d bytes come back as %d: %v", len(plain), len(got), err)
			}
		}
	}
}

// TestMessageNonces checks where the counters begin (RFC 26 and libzmq).
func TestMessageNonces(t *testing.T) {
	client, server := meet(t).sessions()
	for _, want := range []struct {
		s     *Session
		nonce byte
	}{{client, 3}, {client, 4}, {server, 2}, {server, 3}} {
		if got := want.s.Seal(nil, []byte{0})[len(messageName)+shortNonce-1]; got != want.nonce {
			t.Errorf("nonce %d, want %d", got, want.nonce)
		}
	}
}

func TestMessageReplayed(t *testing.T) {
	client, server := meet(t).sessions()
	first, second, third := client.Seal(nil, []byte{0, 1}), client.Seal(nil, []byte{0, 2}), client.Seal(nil, []byte{0, 3})
	for _, command := range [][]byte{first, second} {
		if _, err := server.Open(nil, command); err != nil {
			t.Fatal(err)
		}
	}
	for name, command := range map[string][]byte{"the same again": second, "an older one": first} {
		if _, err := server.Open(nil, command); !errors.Is(err, ErrReplayed) {
			t.Errorf("%s gives %v", name, err)
		}
	}
	if _, err := client.Open(nil, third); err == nil {
		t.Error("a message that is sent back to where it came from is taken")
	}
	if _, err := server.Open(nil, third); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

// TestMessageRemoved removes messages on the way, in both directions, the first
// one of the connection among them.
func TestMessageRemoved(t *testing.T) {
	for before := range 3 {
		for removed := 1; removed <= 3; removed++ {
			client, server := meet(t).sessions()
			for _, dir := range []struct{ from, to *Session }{{client, server}, {server, client}} {
				for range before {
					if _, err := dir.to.Open(nil, dir.from.Seal(nil, []byte{0})); err != nil {
						t.Fatal(err)
					}
				}
				for range removed {
					dir.from.Seal(nil, []byte{0})
				}
				if _, err := dir.to.Open(nil, dir.from.Seal(nil, []byte{0})); !errors.Is(err, ErrRemoved) {
					t.Errorf("%d messages removed after %d: %v", removed, before, err)
				}
			}
		}
	}
}

func TestMessageDamaged(t *testing.T) {
	client, server := meet(t).sessions()
	command := client.Seal(nil, []byte{0, 'h', 'e', 'l', 'l', 'o'})
	for i := range command {
		for bit := range 8 {
			damaged := bytes.Clone(command)
			damaged[i] ^= 1 << bit
			if _, err := server.Open(nil, damaged); err == nil {
				t.Errorf("bit %d of byte %d may change", bit, i)
			}
		}
		if _, err := server.Open(nil, command[:i]); err == nil {
			t.Errorf("%d bytes of it are taken", i)
		}
	}
	if _, err := server.Open(nil, append(bytes.Clone(command), 0)); err == nil {
		t.Error("a byte may follow")
	}
	if _, err := server.Open(nil, command); err != nil {
		t.Errorf("the undamaged one: %v", err)
	}
}

func TestMessageFlags(t *testing.T) {
	for flags := range 256 {
		client, server := meet(t).sessions()
		_, err := server.Open(nil, client.Seal(nil, []byte{byte(flags)}))
		if good := flags < 3; (err == nil) != good {
			t.Errorf("flags %#02x give %v", flags, err)
		}
	}
}

// TestSealAllocates checks that messages cost no memory where there is room.
func TestSealAllocates(t *testing.T) {
	client, server := meet(t).sessions()
	plain, command, opened := make([]byte, 65), make([]byte, 0, 256), make([]byte, 0, 256)
	got := testing.AllocsPerRun(100, func() {
		sealed := client.Seal(command, plain)
		if _, err := server.Open(opened, sealed); err != nil {
			t.Error(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations per message", got)
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		client, _ := meet(b).sessions()
		plain, command := make([]byte, 1+size), make([]byte, 0, size+Overhead)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				client.Seal(command, plain)
			}
		})
	}
}
