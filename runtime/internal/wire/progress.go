package wire

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Progress is a worker's report on a task: the sixth and the seventh frame of an
// EXTEND.
type Progress struct {
	Done float64 // the part that is done, 0 to 1
	Text string  // UTF-8, at most MaxProgressText bytes
}

const (
	// MaxProgressText is how many bytes of a text are sent and read.
	MaxProgressText = 255

	maxProgressDigits = 32
)

// append appends the frames, the last ones of a message.
func (p *Progress) append(b []byte) []byte {
	done := strconv.AppendFloat(make([]byte, 0, maxProgressDigits), p.Done, 'f', -1, 64)
	if p.Text == "" {
		return zmtp.AppendFrame(b, 0, done)
	}
	b = zmtp.AppendFrame(b, zmtp.FlagMore, done)
	return zmtp.AppendFrameString(b, 0, p.Text)
}

// parseProgress parses the frames, the second of which may be missing. It returns
// nil when the first one is not a decimal number from 0 to 1.
func parseProgress(frames [][]byte) *Progress {
	text := frames[0]
	if len(text) > maxProgressDigits || len(bytes.Trim(text, "0123456789.")) > 0 {
		return nil
	}
	done, err := strconv.ParseFloat(string(text), 64)
	if err != nil || done > 1 {
		return nil
	}
	p := &Progress{Done: done}
	if len(frames) > 1 {
		p.Text = ProgressText(string(frames[1][:min(len(frames[1]), MaxProgressText)]))
	}
	return p
}

// ProgressText returns the part of a text that is sent.
func ProgressText(text string) string {
	if len(text) > MaxProgressText {
		text = text[:MaxProgressText]
	}
	return strings.ToValidUTF8(text, "?")
}
