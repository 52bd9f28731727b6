package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

func appendCancelOf(b []byte, id uint64) []byte { return AppendCancel(AppendCallID(b, id)) }

// appendCall appends a request with these frames after its envelope.
func appendCall(b []byte, id uint64, frames ...string) []byte {
	b = AppendCallID(b, id)
	for i, f := range frames {
		flags := byte(zmtp.FlagMore)
		if i == len(frames)-1 {
			flags = 0
		}
		b = zmtp.AppendFrameString(b, flags, f)
	}
	return b
}

// TestEachCancel looks for cancellations among other messages and commands, in
// bytes that end anywhere.
func TestEachCancel(t *testing.T) {
	cancels := strings.Repeat(string(appendCancelOf(nil, 9)), 100)
	long := cancels[:longFrame]
	tests := map[string][][]byte{
		"short": {
			appendCall(nil, 1, "a.B/C", string(appendCancelOf(nil, 9))),
			appendCancelOf(nil, 1),
			zmtp.AppendFrameString(nil, zmtp.FlagCommand, "\x04PING\x00\x00"),
			appendCancelOf(nil, 2),
			appendCall(nil, 3, "a.B/C", cancels),
			zmtp.AppendFrameString(nil, 0, ""),
			appendCancelOf(nil, 4),
		},
		"long first": {
			appendCall(nil, 1, "a.B/C", long),
			appendCall(nil, 2, "a.B/C", long, "\x08\x01"),
			appendCall(nil, 2, "a.B/C", long[1:]),
			appendCancelOf(nil, 2),
			appendCall(nil, 3, "a.B/C", long),
			appendCancelOf(nil, 3),
		},
		"long, then short ones": {
			appendCall(nil, 1, "a.B/C", long),
			appendCancelOf(nil, 1),
			appendCancelOf(nil, 2),
		},
		"long after many frames": {
			appendCall(nil, 1, append(make([]string, maxFrames), long)...),
			appendCancelOf(nil, 1),
		},
		"many frames after a long one": {
			appendCall(nil, 1, append([]string{long}, make([]string, maxFrames)...)...),
			appendCancelOf(nil, 1),
		},
		"long command": {
			zmtp.AppendFrameString(nil, zmtp.FlagCommand, "\x04PING\x00\x00"+long),
			appendCancelOf(nil, 1),
		},
	}
	for name, messages := range tests {
		t.Run(name, func(t *testing.T) {
			b := slices.Concat(messages...)
			canceled := 0
			for n := range len(b) + 1 {
				var got []uint64
				EachCancel(b[:n], func(id uint64) { got = append(got, id) })
				if want := cancelsIn(b[:n]); !slices.Equal(got, want) {
					t.Fatalf("%d of %d bytes give up %v, want %v", n, len(b), got, want)
				}
				canceled = len(got)
			}
			want := 0
			for _, m := range messages {
				if bytes.HasSuffix(m, []byte(cancelTail)) && len(m) == 2+CallIDSize+len(cancelTail) {
					want++
				}
			}
			if canceled != want {
				t.Errorf("%d calls are given up, want %d", canceled, want)
			}
		})
	}
}

// cancelsIn is EachCancel that looks at each frame of each message.
func cancelsIn(b []byte) (ids []uint64) {
	var message [][]byte
	for {
		h, ok, err := zmtp.ParseHeader(b)
		if !ok || err != nil || h.Size > uint64(len(b)-h.Len) {
			return ids
		}
		message = append(message, b[:h.Len+int(h.Size)])
		b = b[h.Len+int(h.Size):]
		if h.More() {
			continue
		}
		id, ok := CallID(message[0][min(2, len(message[0])):])
		if ok && bytes.Equal(bytes.Join(message, nil), appendCancelOf(nil, id)) {
			ids = append(ids, id)
		}
		message = message[:0]
	}
}

// FuzzEachCancel finds the same calls as without a quick search.
func FuzzEachCancel(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(appendCancelOf(nil, 1))
	f.Add(appendCancelOf(appendCall(nil, 1, "a.B/C", strings.Repeat("x", longFrame)), 1))
	f.Add(appendCancelOf(appendCall(appendCancelOf(nil, 2), 3, "a.B/C", string(appendCancelOf(nil, 9))), 3))
	f.Add(appendCall(nil, 1, append(make([]string, maxFrames), strings.Repeat("x", longFrame))...))
	f.Add([]byte("\x02\xff\xff\xff\xff\xff\xff\xff\xff" + string(appendCancelOf(nil, 1))))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got []uint64
		EachCancel(b, func(id uint64) { got = append(got, id) })
		if want := cancelsIn(b); !slices.Equal(got, want) {
			t.Fatalf("%x gives up %v, want %v", b, got, want)
		}
	})
}

// BenchmarkEachCancel looks at what one read brings: bodies of that size, and no
// cancellation.
func BenchmarkEachCancel(b *testing.B) {
	const read = 256 << 10
	for _, size := range []int{64, 512, 2 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			body := make([]byte, size)
			rand.NewChaCha8([32]byte{}).Read(body)
			var in []byte
			for len(in) < read {
				in = appendCall(in, 1, "", string(body))
			}
			b.SetBytes(read)
			for b.Loop() {
				EachCancel(in[:read], func(uint64) { b.Fatal("found a cancellation") })
			}
		})
	}
}
