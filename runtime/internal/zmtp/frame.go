package zmtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Flags of a frame (RFC 37, "Framing").
const (
	FlagMore    = 1 << 0 // another frame of the same message follows
	FlagLong    = 1 << 1 // the size has eight bytes, not one
	FlagCommand = 1 << 2 // the frame is a command
	flagsKnown  = FlagMore | FlagLong | FlagCommand
)

const (
	shortHeader = 2
	longHeader  = 9
)

// MaxShort is the size of the largest frame whose size is one byte on the wire.
const MaxShort = 255

// Errors that end a connection, because the peer broke ZMTP.
var (
	ErrReservedFlags = errors.New("frame has reserved flag bits set")
	ErrCommandMore   = errors.New("command frame has the MORE flag set")
)

// HeaderSize returns how many bytes the header of a frame of that size takes.
func HeaderSize(size int) int {
	if size > MaxShort {
		return longHeader
	}
	return shortHeader
}

// HeaderLen returns how many bytes the header of a frame takes that begins with
// those flags.
func HeaderLen(flags byte) int {
	if flags&FlagLong != 0 {
		return longHeader
	}
	return shortHeader
}

// AppendHeader appends the header of a frame with size bytes, in its shortest
// form; flags are FlagMore and FlagCommand.
func AppendHeader(b []byte, flags byte, size int) []byte {
	if size > MaxShort {
		b = append(b, flags|FlagLong)
		return binary.BigEndian.AppendUint64(b, uint64(size))
	}
	return append(b, flags, byte(size))
}

// AppendFrame appends a whole frame.
func AppendFrame(b []byte, flags byte, body []byte) []byte {
	return append(AppendHeader(b, flags, len(body)), body...)
}

// AppendFrameString is AppendFrame for a string.
func AppendFrameString(b []byte, flags byte, body string) []byte {
	return append(AppendHeader(b, flags, len(body)), body...)
}

// A Header is a decoded frame header.
type Header struct {
	Flags byte
	Size  uint64 // of the frame's body, as claimed by the peer
	Len   int    // bytes that the header itself takes
}

// More reports whether another frame of the message follows.
func (h Header) More() bool { return h.Flags&FlagMore != 0 }

// Command reports whether the frame is a command.
func (h Header) Command() bool { return h.Flags&FlagCommand != 0 }

// ParseHeader decodes the header at the start of b. With ok false and no error
// b is too short.
func ParseHeader(b []byte) (h Header, ok bool, err error) {
	if len(b) == 0 {
		return h, false, nil
	}
	h.Flags = b[0]
	if h.Flags&^flagsKnown != 0 {
		return h, false, fmt.Errorf("%w: %#02x", ErrReservedFlags, h.Flags)
	}
	if h.Flags&(FlagCommand|FlagMore) == FlagCommand|FlagMore {
		return h, false, ErrCommandMore
	}
	if h.Flags&FlagLong == 0 {
		if len(b) < shortHeader {
			return h, false, nil
		}
		h.Size, h.Len = uint64(b[1]), shortHeader
		return h, true, nil
	}
	if len(b) < longHeader {
		return h, false, nil
	}
	h.Size, h.Len = binary.BigEndian.Uint64(b[1:]), longHeader
	if h.Size > math.MaxInt64 {
		return h, false, fmt.Errorf("frame claims %d bytes, more than a frame can have", h.Size)
	}
	return h, true, nil
}

// Alike returns the length of the message at the start of b, if it is a whole one
// of two short frames, and the first one is first, as on the wire; 0 for others.
func Alike(b, first []byte) int {
	n := len(first) + shortHeader
	if len(b) < n || b[n-shortHeader] != 0 || string(b[:len(first)]) != string(first) {
		return 0
	}
	if n += int(b[n-1]); len(b) < n {
		return 0
	}
	return n
}

// ShortFrame returns the frame whose body is at s in b, as on the wire, if its size
// is one byte there and more frames follow; otherwise nil.
func ShortFrame(b []byte, s Span) []byte {
	start, size := s.Start-shortHeader, s.End-s.Start
	if size > MaxShort || start < 0 || b[start] != FlagMore {
		return nil
	}
	return b[start:s.End:s.End]
}

// MessageSize returns the length of the first message or command in b, a run of
// whole and well-formed messages.
func MessageSize(b []byte) int {
	off := 0
	for {
		h, ok, err := ParseHeader(b[min(off, len(b)):])
		if !ok || err != nil {
			return len(b)
		}
		off += h.Len + int(h.Size)
		if !h.More() {
			return min(off, len(b))
		}
	}
}

// BegunMessages returns the length of the messages in b, a run of whole and
// well-formed messages, that begin within its first n bytes. With it a sender finds
// the messages of which the kernel has accepted no byte.
func BegunMessages(b []byte, n int) int {
	off := 0
	for off < n && off < len(b) {
		off += MessageSize(b[off:])
	}
	return off
}

// EachMessage calls visit with the first frame of each message in b, a run of
// whole and well-formed messages; it skips commands.
func EachMessage(b []byte, visit func(first []byte)) {
	for len(b) > 0 {
		h, ok, err := ParseHeader(b)
		if !ok || err != nil {
			return
		}
		if !h.Command() {
			visit(b[h.Len : h.Len+int(h.Size)])
		}
		b = b[MessageSize(b):]
	}
}
