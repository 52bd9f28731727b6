package wire

import (
	"bytes"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A PlainTask is a task or a result of a pipeline with DELIVERY_AT_MOST_ONCE:
// a procedure, a body and an optional header, or with bare framing only a body.
type PlainTask struct {
	Procedure, Body []byte
	Header          []byte // an encoded TaskHeader; nil: none
}

// Control reports whether the message is a notice and not a task: it has no
// procedure, and a header with the content.
func (t *PlainTask) Control() bool { return len(t.Procedure) == 0 && t.Header != nil }

// AppendMessage appends the frames of a message that is not bare to b
// (socket.Message).
func (t PlainTask) AppendMessage(b []byte) ([]byte, error) {
	b = zmtp.AppendFrame(b, zmtp.FlagMore, t.Procedure)
	b = zmtp.AppendFrame(b, PlainBodyFlags(t.Header), t.Body)
	return AppendPlainHeader(b, t.Header), nil
}

// AppendPlainProcedure appends the first frame of a task that is not bare. The
// body follows, with the flags of PlainBodyFlags, and then AppendPlainHeader.
func AppendPlainProcedure(b []byte, procedure string) []byte {
	return zmtp.AppendFrameString(b, zmtp.FlagMore, procedure)
}

// PlainBodyFlags returns the flags of the body's frame in front of that header.
func PlainBodyFlags(header []byte) byte {
	if header == nil {
		return 0
	}
	return zmtp.FlagMore
}

// AppendPlainHeader appends the last frame, none for a nil header.
func AppendPlainHeader(b, header []byte) []byte {
	if header == nil {
		return b
	}
	return zmtp.AppendFrame(b, 0, header)
}

// ParsePlainTask parses a task or a result; t refers to the memory of frames.
func ParsePlainTask(frames [][]byte, bare bool) (t PlainTask, err error) {
	if bare {
		if len(frames) != 1 {
			return t, fmt.Errorf("bare message has %d frames, want 1", len(frames))
		}
		return PlainTask{Body: frames[0]}, nil
	}
	if len(frames) < 2 || len(frames) > 3 {
		return t, fmt.Errorf("message has %d frames, want a method, a body and at most a header", len(frames))
	}
	t.Procedure, t.Body = frames[0], frames[1]
	if len(frames) > 2 {
		t.Header = withoutNil(frames[2])
	}
	return t, nil
}

// withoutNil returns b, or an empty slice for nil: the frame is present.
func withoutNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// PlainBatch returns the batch that a task or a result belongs to, nil for
// none, whether or not the framing is bare. control reports whether the message is
// a notice about the batch and not a result.
func PlainBatch(frames [][]byte) (b *Batch, control bool) {
	if len(frames) != 3 {
		return nil, false
	}
	b = BatchOf(frames[2])
	return b, b != nil && len(frames[0]) == 0
}

// SamePlainProcedure parses a message like ParsePlainTask if it has that procedure.
// It returns false for any other message.
func SamePlainProcedure(frames [][]byte, bare bool, procedure []byte) (t PlainTask, same bool) {
	t, err := ParsePlainTask(frames, bare)
	return t, err == nil && bytes.Equal(t.Procedure, procedure)
}
