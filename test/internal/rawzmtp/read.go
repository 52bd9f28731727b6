package rawzmtp

import (
	"encoding/binary"
	"io"
)

// A ReadFrame is one frame that was read.
type ReadFrame struct {
	Flags   byte
	Header  []byte // as it came: 2 or 9 bytes
	Content []byte
}

// Read reads one frame, whatever its size. It trusts the other side.
func Read(r io.Reader) (ReadFrame, error) {
	header := make([]byte, 2, 9)
	if _, err := io.ReadFull(r, header); err != nil {
		return ReadFrame{}, err
	}
	size := uint64(header[1])
	if header[0]&FlagLong != 0 {
		header = header[:9]
		if _, err := io.ReadFull(r, header[2:]); err != nil {
			return ReadFrame{}, err
		}
		size = binary.BigEndian.Uint64(header[1:])
	}
	content := make([]byte, size)
	_, err := io.ReadFull(r, content)
	return ReadFrame{Flags: header[0], Header: header, Content: content}, err
}

// More reports whether another frame of the same message follows.
func (f ReadFrame) More() bool { return f.Flags&FlagMore != 0 }

// IsCommand reports whether the frame holds a command.
func (f ReadFrame) IsCommand() bool { return f.Flags&FlagCommand != 0 }

// Command returns the name and the data of a command; ok is false when the
// frame is none.
func (f ReadFrame) Command() (name string, data []byte, ok bool) {
	if !f.IsCommand() || len(f.Content) == 0 || int(f.Content[0]) >= len(f.Content) {
		return "", nil, false
	}
	n := 1 + int(f.Content[0])
	return string(f.Content[1:n]), f.Content[n:], true
}
