package wire

import (
	"slices"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// TestEachCancel looks for cancellations among other messages and commands, in
// bytes that end anywhere.
func TestEachCancel(t *testing.T) {
	cancel := func(b []byte, id uint64) []byte { return AppendCancel(AppendCallID(b, id)) }
	request := func(b []byte, id uint64, body string) []byte {
		b = zmtp.AppendFrameString(AppendCallID(b, id), zmtp.FlagMore, "a.B/C")
		return zmtp.AppendFrameString(b, 0, body)
	}
	var b []byte
	ends := map[int]uint64{} // length of b: the call that was given up last
	b = request(b, 1, string(cancel(nil, 9)))
	b = cancel(b, 1)
	ends[len(b)] = 1
	b = zmtp.AppendFrameString(b, zmtp.FlagCommand, "\x04PING\x00\x00")
	b = cancel(b, 2)
	ends[len(b)] = 2
	b = request(b, 3, strings.Repeat(string(cancel(nil, 9)), 100))
	b = zmtp.AppendFrameString(b, 0, "")
	b = cancel(b, 4)
	ends[len(b)] = 4
	var want []uint64
	for n := range len(b) + 1 {
		if id, ok := ends[n]; ok {
			want = append(want, id)
		}
		var got []uint64
		EachCancel(b[:n], func(id uint64) { got = append(got, id) })
		if !slices.Equal(got, want) {
			t.Fatalf("%d of %d bytes give up %v, want %v", n, len(b), got, want)
		}
	}
}
