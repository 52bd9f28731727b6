package zmtp

import "fmt"

// A SizeError says that a message is larger than the Limits allow.
type SizeError struct {
	Size  uint64 // bytes of the frame that is too large, or of the message up to its end
	Limit int
	Whole bool // the message is too large, but none of its frames
	Kept  bool // its sender did not send it, and reported that
}

func (e *SizeError) Error() string {
	what := "frame of"
	if e.Kept {
		what = "message of"
	}
	if e.Whole {
		what = "message of at least"
	}
	return fmt.Sprintf("%s %d bytes exceeds the limit of %d (raise it with WithMaxMessageSize)", what, e.Size, e.Limit)
}

// A remainder tracks a message that is skipped.
type remainder struct {
	on     bool
	left   uint64 // bytes of the current frame that are still to come
	last   bool   // no frame follows it
	size   uint64 // of the message, including frameOverhead for each frame
	frames int    // the number of frames that have begun
}

// Drop skips the message for which Next has just returned a SizeError. Skip then
// discards its beginning, and Next returns the remaining bytes as Dropped, in one
// or more pieces. b is the buffer that Next was called with. Drop returns false,
// and changes nothing, if the message is larger than MaxDropped.
func (s *Scanner) Drop(b []byte) bool {
	h, ok, err := ParseHeader(b[s.off:])
	if !ok || err != nil {
		return false
	}
	r := remainder{on: true, size: uint64(s.size), frames: len(s.spans)}
	if r.begin(h, &s.Limits) != nil {
		return false
	}
	s.rest = r
	s.off += h.Len
	return true
}

// Dropping reports whether further bytes of a skipped message are still to come.
func (s *Scanner) Dropping() bool { return s.rest.on }

// begin handles a frame's header.
func (r *remainder) begin(h Header, l *Limits) error {
	size := r.size + h.Size + frameOverhead // of less than 2^62 and 2^63 bytes
	if size > uint64(l.MaxDropped) {
		return fmt.Errorf("message of at least %d bytes exceeds by far the limit of %d (raise it with WithMaxMessageSize)", size, l.MaxMessage)
	}
	if r.frames >= l.MaxFrames {
		return fmt.Errorf("message has more than %d frames", l.MaxFrames)
	}
	r.size, r.left, r.last = size, h.Size, !h.More()
	if l.Elided > 0 && h.Size > uint64(l.Elided) {
		r.left = 0
	}
	r.frames++
	r.on = r.left > 0 || !r.last
	return nil
}

// drop is Next while a message is skipped.
func (s *Scanner) drop(b []byte) (Token, error) {
	r := &s.rest
	if r.left > 0 {
		n := min(r.left, uint64(len(b)))
		if n == 0 {
			s.need = 1
			return NeedMore, nil
		}
		r.left -= n
		r.on = r.left > 0 || !r.last
		s.off = int(n)
		return Dropped, nil
	}
	h, ok, err := ParseHeader(b)
	if err != nil {
		return NeedMore, err
	}
	if !ok {
		s.need = len(b) + 1
		return NeedMore, nil
	}
	if h.Command() {
		return s.commandWithin(h, b)
	}
	s.off = h.Len
	return Dropped, r.begin(h, &s.Limits)
}

// commandWithin finds a command between the frames of a message that is skipped.
func (s *Scanner) commandWithin(h Header, b []byte) (Token, error) {
	if err := s.admit(h); err != nil {
		return NeedMore, err
	}
	end := h.Len + int(h.Size)
	if end > len(b) {
		s.need = end
		return NeedMore, nil
	}
	s.off, s.body = end, Span{h.Len, end}
	return Command, nil
}
