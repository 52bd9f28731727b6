package zmtp

import (
	"fmt"
	"math"
)

// Limits bound the memory that one peer can occupy at the receiver.
type Limits struct {
	MaxFrame   int // bytes of one frame
	MaxMessage int // bytes of all frames of one message together, at most 2^30
	MaxFrames  int // frames of one message
	MaxCommand int // bytes of one command
	MaxDropped int // bytes of a message that is skipped; 0: none is skipped
	Elided     int // frames beyond this size come without their bodies; 0: no limit
}

// frameOverhead counts against MaxMessage for each frame, in addition to its body,
// so that endless empty frames reach the limit, too.
const frameOverhead = 2

// A Token is what a Scanner found.
type Token uint8

const (
	NeedMore Token = iota // nothing whole yet: read at least Need bytes in all
	Command               // a command: Body is its bytes
	Message               // a whole message: Frames are its frames
	Dropped               // a piece of a message that is skipped
)

// A Span is the position of a frame in a buffer.
type Span struct{ Start, End int }

// A Scanner finds messages in a buffer to which the bytes of a connection are
// appended. It remembers its position when bytes are missing, so that a message
// costs the same whether it comes byte by byte or at once. The zero value with
// Limits set is ready. It is not for concurrent use.
type Scanner struct {
	Limits Limits

	off  int // of the next header
	size int // of the message so far
	body Span
	need int
	rest remainder
	Scratch
}

// A Scratch is the memory in which a Scanner keeps the positions of a message's
// frames. It may be moved to another Scanner between two messages.
type Scratch struct {
	spans  []Span
	frames [][]byte
}

// Next looks for the next token in b, whose first byte is the first one that
// was not yet passed to Skip. A command may stand between the frames of a
// message: libzmq sends heartbeats in this way. After a *SizeError, Frames returns
// the message's first frames, and Drop may skip it; any other error is final.
func (s *Scanner) Next(b []byte) (Token, error) {
	if s.rest.on {
		return s.drop(b)
	}
	for {
		h, ok, err := ParseHeader(b[min(s.off, len(b)):])
		if err != nil {
			return NeedMore, err
		}
		if !ok {
			s.need = max(len(b), s.off) + 1
			return NeedMore, nil
		}
		if err := s.admit(h); err != nil {
			return NeedMore, err
		}
		start := s.off + h.Len
		end := start + int(h.Size)
		if end > len(b) {
			s.need = end
			return NeedMore, nil
		}
		s.off = end
		if h.Command() {
			s.body = Span{start, end}
			if !s.Idle() {
				s.size += int(h.Size) + frameOverhead // it stays in the buffer
			}
			return Command, nil
		}
		s.size += int(h.Size) + frameOverhead
		s.spans = append(s.spans, Span{start, end})
		if !h.More() {
			return Message, nil
		}
	}
}

// admit checks a claimed size before memory is allocated for it.
func (s *Scanner) admit(h Header) error {
	if h.Size > uint64(math.MaxInt-s.off-h.Len-frameOverhead) {
		return fmt.Errorf("frame of %d bytes exceeds the limit of any memory", h.Size)
	}
	if h.Command() {
		if h.Size > uint64(s.Limits.MaxCommand) {
			return fmt.Errorf("command of %d bytes exceeds the limit of %d", h.Size, s.Limits.MaxCommand)
		}
		if s.Idle() {
			return nil
		}
	}
	if !h.Command() && h.Size > uint64(s.Limits.MaxFrame) {
		return &SizeError{Size: h.Size, Limit: s.Limits.MaxFrame}
	}
	if h.Size > uint64(max(s.Limits.MaxMessage-s.size, 0)) {
		err := &SizeError{Size: uint64(s.size) + h.Size, Limit: s.Limits.MaxMessage, Whole: true}
		if h.Command() {
			return fmt.Errorf("commands within a message: %v", err)
		}
		return err
	}
	if len(s.spans) >= s.Limits.MaxFrames {
		return fmt.Errorf("message has more than %d frames", s.Limits.MaxFrames)
	}
	return nil
}

// Need returns, after NeedMore, how long b must be before Next can go on.
func (s *Scanner) Need() int { return s.need }

// Body returns, after Command, the command's bytes within b.
func (s *Scanner) Body(b []byte) []byte { return b[s.body.Start:s.body.End] }

// Idle reports whether the scanner is between two messages, so that the bytes
// that it has passed can be skipped.
func (s *Scanner) Idle() bool { return len(s.spans) == 0 }

// Frames returns, after Message or a *SizeError, the frames within b. The next
// call reuses the slice.
func (s *Scanner) Frames(b []byte) [][]byte {
	s.frames = s.frames[:0]
	for _, sp := range s.spans {
		s.frames = append(s.frames, b[sp.Start:sp.End:sp.End])
	}
	return s.frames
}

// AppendSpans appends, after Message, the frames' positions; base is the position
// of b.
func (s *Scanner) AppendSpans(list []Span, base int) []Span {
	for _, sp := range s.spans {
		list = append(list, Span{base + sp.Start, base + sp.End})
	}
	return list
}

// Skip discards the message or command just found, and returns its length in b.
func (s *Scanner) Skip() int {
	n := s.off
	if cap(s.spans) > 64 {
		s.spans, s.frames = nil, nil
	}
	clear(s.frames) // they would keep a large buffer alive
	s.off, s.size, s.need, s.spans, s.frames = 0, 0, 0, s.spans[:0], s.frames[:0]
	return n
}

// Passed returns how many bytes of b the scanner has passed since Skip.
func (s *Scanner) Passed() int { return s.off }
