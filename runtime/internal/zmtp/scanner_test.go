package zmtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

var testLimits = Limits{MaxFrame: 4000, MaxMessage: 4096, MaxFrames: 16, MaxCommand: 512}

// scan feeds in to a scanner, step bytes at a time, as a connection would, and
// returns what it found, the error, and the most bytes it had to keep.
func scan(in []byte, step int, limits Limits) (found []string, kept int, err error) {
	s := Scanner{Limits: limits}
	var b []byte
	for {
		var token Token
		if token, err = s.Next(b); err != nil {
			if !errors.As(err, new(*SizeError)) || !s.Drop(b) {
				return found, kept, err
			}
			found = append(found, fmt.Sprintf("%v, behind %q", err, s.Frames(b)))
			b = b[s.Skip():]
			continue
		}
		switch token {
		case Message:
			found = append(found, fmt.Sprintf("message %q", s.Frames(b)))
		case Command:
			found = append(found, fmt.Sprintf("command %q", s.Body(b)))
		case Dropped:
		default:
			kept = max(kept, len(b))
			if s.Need() <= len(b) {
				return found, kept, fmt.Errorf("%d bytes are there, the scanner needs %d and says so again", len(b), s.Need())
			}
			if len(in) == 0 {
				return found, kept, nil
			}
			n := min(step, len(in))
			b, in = append(b, in[:n]...), in[n:]
			continue
		}
		if token == Message || s.Idle() {
			if s.Passed() == 0 {
				return found, kept, fmt.Errorf("a token of no bytes")
			}
			b = b[s.Skip():]
		}
	}
}

func message(frames ...string) (b []byte) {
	for i, f := range frames {
		flags := byte(FlagMore)
		if i == len(frames)-1 {
			flags = 0
		}
		b = AppendFrameString(b, flags, f)
	}
	return b
}

func TestScanner(t *testing.T) {
	long := strings.Repeat("l", 300)
	ping := AppendPing(nil, 0)
	within := func(command []byte) []byte { // a command between the frames of a message
		b := AppendFrameString(nil, FlagMore, "a")
		b = append(b, command...)
		return AppendFrameString(b, 0, "b")
	}
	tests := []struct {
		name string
		in   []byte
		want []string
	}{
		{"nothing", nil, nil},
		{"empty message", message(""), []string{`message [""]`}},
		{"three frames", message("a", "", "b"), []string{`message ["a" "" "b"]`}},
		{"long frame", message(long), []string{`message ["` + long + `"]`}},
		{"two messages", append(message("a"), message("b", "c")...), []string{`message ["a"]`, `message ["b" "c"]`}},
		{"command", AppendCommand(nil, "SUBSCRIBE", []byte("x")), []string{`command "\tSUBSCRIBEx"`}},
		{"command within a message", within(ping), []string{`command "\x04PING\x00\x00"`, `message ["a" "b"]`}},
		{
			"commands around a message", append(append(append([]byte(nil), ping...), within(AppendCommand(nil, "X"))...), ping...),
			[]string{`command "\x04PING\x00\x00"`, `command "\x01X"`, `message ["a" "b"]`, `command "\x04PING\x00\x00"`},
		},
		{"long form of a short size", append([]byte{2, 0, 0, 0, 0, 0, 0, 0, 1}, 'x'), []string{`message ["x"]`}},
		{"cut short", message("abc")[:4], nil},
		{"half a message", AppendFrameString(nil, FlagMore, "a"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for step := 1; step <= max(1, len(tt.in)); step++ {
				found, _, err := scan(tt.in, step, testLimits)
				if err != nil || strings.Join(found, "\n") != strings.Join(tt.want, "\n") {
					t.Fatalf("%d bytes at a time: %q, %v, want %q", step, found, err, tt.want)
				}
			}
		})
	}
}

// TestScannerLimits feeds what would exhaust a receiver that trusts its peer,
// and checks that little is kept before the error.
func TestScannerLimits(t *testing.T) {
	claim := func(flags byte, size uint64) []byte {
		return append(binary.BigEndian.AppendUint64([]byte{flags | FlagLong}, size), 1, 2, 3)
	}
	after := func(first string, b []byte) []byte { return append(AppendFrameString(nil, FlagMore, first), b...) }
	endless := func(unit []byte) []byte { return bytes.Repeat(unit, 1<<20/len(unit)) }
	tests := []struct {
		name, fault string
		in          []byte
	}{
		{"2^31", "exceeds the limit", claim(0, 1<<31)},
		{"2^31 with more", "exceeds the limit", claim(FlagMore, 1<<31)},
		{"2^32", "exceeds the limit", claim(0, 1<<32)},
		{"2^46", "exceeds the limit", claim(0, 1<<46)},
		{"2^62", "exceeds the limit", claim(0, 1<<62)},
		{"2^63-1", "exceeds the limit", claim(0, math.MaxInt64)},
		{"2^64-1", "more than a frame can have", claim(0, math.MaxUint64)},
		{"2^63-1 in the second frame", "exceeds the limit", after("x", claim(0, math.MaxInt64))},
		{"command of 2^46", "exceeds the limit", claim(FlagCommand, 1<<46)},
		{"command of 2^63-1 within a message", "exceeds the limit", after("x", claim(FlagCommand, math.MaxInt64))},
		{"frame one byte too long", "frame of 4001 bytes exceeds the limit of 4000", message(string(make([]byte, testLimits.MaxFrame+1)))},
		{"message one byte too long", "message of at least 4097 bytes exceeds the limit", message(string(make([]byte, 4000)), string(make([]byte, 95)))},
		{"command one byte too long", "exceeds the limit", AppendCommand(nil, "X", make([]byte, testLimits.MaxCommand-1))},
		{"one frame too many", "more than 16 frames", message(make([]string, 17)...)},
		{"endless empty frames", "more than 16 frames", endless([]byte{FlagMore, 0})},
		{"endless frames", "exceeds the limit", endless(AppendFrame(nil, FlagMore, make([]byte, 1000)))},
		{"endless commands within a message", "exceeds the limit", after("", endless(AppendPing(nil, 0)))},
		{"reserved flag in the second frame", "reserved", after("x", []byte{0x10, 0})},
		{"command with more", "MORE", []byte{5, 1, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, step := range []int{1, 7, 1000, len(tt.in)} {
				_, kept, err := scan(tt.in, step, testLimits)
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Fatalf("%d bytes at a time: error %v, want one with %q", step, err, tt.fault)
				}
				if bound := testLimits.MaxMessage + testLimits.MaxCommand + 1000; step <= 1000 && kept > bound {
					t.Errorf("%d bytes at a time: %d bytes were kept, want at most %d", step, kept, bound)
				}
			}
		})
	}
}

func TestScannerTakesWhatIsJustAllowed(t *testing.T) {
	for name, in := range map[string][]byte{
		"largest frame":   message(string(make([]byte, testLimits.MaxFrame))),
		"largest message": message(string(make([]byte, 4000)), string(make([]byte, 94))),
		"most frames":     message(make([]string, testLimits.MaxFrames)...),
		"largest command": AppendCommand(nil, "X", make([]byte, testLimits.MaxCommand-2)),
	} {
		for _, step := range []int{1, len(in)} {
			if found, _, err := scan(in, step, testLimits); err != nil || len(found) != 1 {
				t.Errorf("%s, %d bytes at a time: %d tokens, %v", name, step, len(found), err)
			}
		}
	}
}

// TestScannerWithoutLimit checks that sizes near the largest integer neither
// overflow nor panic.
func TestScannerWithoutLimit(t *testing.T) {
	limits := Limits{MaxFrame: math.MaxInt, MaxMessage: math.MaxInt, MaxFrames: math.MaxInt, MaxCommand: 8 << 10}
	for _, size := range []uint64{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 - 8, math.MaxInt64 - 9, math.MaxInt64 - 20, 1 << 62} {
		for _, flags := range []byte{0, FlagMore, FlagCommand} {
			first := binary.BigEndian.AppendUint64([]byte{flags | FlagLong}, size)
			second := append(AppendFrameString(nil, FlagMore, "abc"), first...)
			for _, in := range [][]byte{first, second} {
				if found, _, err := scan(append(in, 1, 2, 3), 1, limits); len(found) > 0 {
					t.Errorf("size %d, flags %d: found %q, %v", size, flags, found, err)
				}
			}
		}
	}
}

// TestScannerForgetsManyFrames checks that the books of a message with many
// frames are not kept after it.
func TestScannerForgetsManyFrames(t *testing.T) {
	s := Scanner{Limits: Limits{MaxFrame: 1, MaxMessage: 1 << 20, MaxFrames: 1 << 20, MaxCommand: 1}}
	b := message(make([]string, 10000)...)
	if token, err := s.Next(b); token != Message || err != nil || len(s.Frames(b)) != 10000 {
		t.Fatalf("Next = %v, %v", token, err)
	}
	if s.Skip() != len(b) || cap(s.spans) > 64 || cap(s.frames) > 64 {
		t.Errorf("%d spans and %d frames are kept", cap(s.spans), cap(s.frames))
	}
}

// TestFramesDoNotOverlap checks that appending to one frame does not change
// the next one.
func TestFramesDoNotOverlap(t *testing.T) {
	s := Scanner{Limits: testLimits}
	b := message("a", "b")
	if token, err := s.Next(b); token != Message || err != nil {
		t.Fatal(token, err)
	}
	frames := s.Frames(b)
	_ = append(frames[0], "xxxxxxx"...)
	if string(frames[1]) != "b" {
		t.Errorf("second frame became %q", frames[1])
	}
}
