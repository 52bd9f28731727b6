package zmtp

import "encoding/binary"

// ParseOversized decodes the data of OVERSIZED: the size of a publication that was
// not sent, and its topic, nil when it has none.
func ParseOversized(body []byte) (size uint64, topic []byte, ok bool) {
	if len(body) < 9 || body[8] > 1 {
		return 0, nil, false
	}
	if body[8] == 1 {
		topic = body[9:]
	}
	return binary.BigEndian.Uint64(body), topic, true
}

// AppendOversized appends OVERSIZED for a publication. frames are its bytes on the
// wire, with at least the whole first frame. It returns false when the topic is too
// long for a command.
func AppendOversized(b, frames []byte, size uint64) ([]byte, bool) {
	h, ok, err := ParseHeader(frames)
	if !ok || err != nil {
		return b, false
	}
	head := binary.BigEndian.AppendUint64(nil, size)
	if !h.More() {
		return AppendCommand(b, CommandOversized, append(head, 0)), true
	}
	if h.Size > maxOversizedTopic {
		return b, false
	}
	return AppendCommand(b, CommandOversized, append(head, 1), frames[h.Len:h.Len+int(h.Size)]), true
}

// maxOversizedTopic leaves room in the 8 KiB that a command may have.
const maxOversizedTopic = 7 << 10
