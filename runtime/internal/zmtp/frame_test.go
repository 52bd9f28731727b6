package zmtp

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

func TestParseHeader(t *testing.T) {
	long := func(flags byte, size uint64) []byte {
		b := []byte{flags}
		for shift := 56; shift >= 0; shift -= 8 {
			b = append(b, byte(size>>shift))
		}
		return b
	}
	tests := []struct {
		name string
		in   []byte
		want Header
		ok   bool
		err  bool
		is   error
	}{
		{name: "nothing", in: nil},
		{name: "flags only", in: []byte{0}},
		{name: "empty frame", in: []byte{0, 0}, want: Header{0, 0, 2}, ok: true},
		{name: "more", in: []byte{1, 255, 9}, want: Header{1, 255, 2}, ok: true},
		{name: "command", in: []byte{4, 6}, want: Header{4, 6, 2}, ok: true},
		{name: "long flag, eight of nine bytes", in: long(2, 256)[:8]},
		{name: "long", in: long(2, 256), want: Header{2, 256, 9}, ok: true},
		{name: "long form of a short size", in: long(2, 3), want: Header{2, 3, 9}, ok: true},
		{name: "long command", in: long(6, 300), want: Header{6, 300, 9}, ok: true},
		{name: "2^31", in: long(3, 1<<31), want: Header{3, 1 << 31, 9}, ok: true},
		{name: "2^46", in: long(2, 1<<46), want: Header{2, 1 << 46, 9}, ok: true},
		{name: "2^62", in: long(2, 1<<62), want: Header{2, 1 << 62, 9}, ok: true},
		{name: "2^63-1", in: long(2, math.MaxInt64), want: Header{2, math.MaxInt64, 9}, ok: true},
		{name: "2^63", in: long(2, 1<<63), err: true},
		{name: "2^64-1", in: long(2, math.MaxUint64), err: true},
		{name: "reserved bit 3", in: []byte{8}, err: true, is: ErrReservedFlags},
		{name: "reserved bit 7", in: []byte{0x80, 0}, err: true, is: ErrReservedFlags},
		{name: "command with more", in: []byte{5}, err: true, is: ErrCommandMore},
		{name: "long command with more", in: []byte{7, 0}, err: true, is: ErrCommandMore},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, ok, err := ParseHeader(tt.in)
			if ok != tt.ok || (err != nil) != tt.err || tt.is != nil && !errors.Is(err, tt.is) {
				t.Fatalf("ParseHeader(% x) = %+v, %v, %v, want ok %v, error %v", tt.in, h, ok, err, tt.ok, tt.err)
			}
			if ok && h != tt.want {
				t.Errorf("ParseHeader(% x) = %+v, want %+v", tt.in, h, tt.want)
			}
		})
	}
}

func TestAppendHeaderIsShortest(t *testing.T) {
	for _, size := range []int{0, 1, 254, 255, 256, 257, 1 << 16, 1 << 20} {
		for _, flags := range []byte{0, FlagMore, FlagCommand} {
			b := AppendHeader([]byte("before"), flags, size)[len("before"):]
			if len(b) != HeaderSize(size) {
				t.Errorf("header of %d bytes takes %d, HeaderSize says %d", size, len(b), HeaderSize(size))
			}
			h, ok, err := ParseHeader(b)
			if !ok || err != nil || h.Size != uint64(size) || h.Len != len(b) || h.Flags&^FlagLong != flags {
				t.Errorf("flags %d, size %d came back as %+v, %v, %v", flags, size, h, ok, err)
			}
			if h.More() != (flags == FlagMore) || h.Command() != (flags == FlagCommand) {
				t.Errorf("flags %d: More %v, Command %v", flags, h.More(), h.Command())
			}
		}
	}
}

func TestAppendFrame(t *testing.T) {
	tests := []struct {
		name  string
		flags byte
		body  string
		want  string
	}{
		{"empty", 0, "", "\x00\x00"},
		{"empty with more", FlagMore, "", "\x01\x00"},
		{"short", FlagMore, "ab", "\x01\x02ab"},
		{"longest short", 0, string(make([]byte, 255)), "\x00\xff" + string(make([]byte, 255))},
		{"shortest long", FlagMore, string(make([]byte, 256)), "\x03\x00\x00\x00\x00\x00\x00\x01\x00" + string(make([]byte, 256))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := AppendFrame([]byte("x"), tt.flags, []byte(tt.body)); string(got) != "x"+tt.want {
				t.Errorf("AppendFrame = %q, want %q", got, "x"+tt.want)
			}
			if got := AppendFrameString(nil, tt.flags, tt.body); string(got) != tt.want {
				t.Errorf("AppendFrameString = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBegunMessages(t *testing.T) {
	var run []byte
	var starts []int // of each message, and the end of all
	for _, frames := range [][]int{{0}, {3, 0, 300}, {1}, {256}, {0, 0}} {
		starts = append(starts, len(run))
		for i, size := range frames {
			flags := byte(FlagMore)
			if i == len(frames)-1 {
				flags = 0
			}
			run = AppendFrame(run, flags, bytes.Repeat([]byte{FlagMore}, size))
		}
	}
	starts = append(starts, len(run))
	for n := 0; n <= len(run)+2; n++ {
		want := len(run)
		for _, s := range starts {
			if s >= n {
				want = s
				break
			}
		}
		if got := BegunMessages(run, n); got != want {
			t.Fatalf("BegunMessages(run, %d) = %d, want %d of %v", n, got, want, starts)
		}
	}
	for i, s := range starts[:len(starts)-1] {
		if got := MessageSize(run[s:]); got != starts[i+1]-s {
			t.Errorf("MessageSize of message %d = %d, want %d", i, got, starts[i+1]-s)
		}
	}
	if MessageSize(nil) != 0 || BegunMessages(nil, 0) != 0 {
		t.Error("there is a message in nothing")
	}
}
