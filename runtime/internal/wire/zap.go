package wire

import (
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

const zapVersion = "1.0"

// maxZAPFrame is the largest size of a frame in a ZAP request, in bytes.
const maxZAPFrame = 255

// A ZAPRequest asks a ZAP handler to decide on a peer (RFC 27).
type ZAPRequest struct {
	ID, Domain, Address, RoutingID, Mechanism string
	Credentials                               []string
}

// AppendZAPRequest appends a request after its envelope. It fails when one of the
// frames is longer than 255 bytes.
func AppendZAPRequest(b []byte, r ZAPRequest) ([]byte, error) {
	frames := append([]string{zapVersion, r.ID, r.Domain, r.Address, r.RoutingID, r.Mechanism}, r.Credentials...)
	for i, frame := range frames {
		if len(frame) > maxZAPFrame {
			return b, fmt.Errorf("a ZAP frame of %d bytes, at most %d are allowed", len(frame), maxZAPFrame)
		}
		flags := byte(zmtp.FlagMore)
		if i == len(frames)-1 {
			flags = 0
		}
		b = zmtp.AppendFrameString(b, flags, frame)
	}
	return b, nil
}

// A ZAPReply is a ZAP handler's decision. Metadata has the wire form of a
// connection's metadata (zmtp.ParseMetadata).
type ZAPReply struct {
	Status, Text, User string
	Metadata           []byte
}

// ParseZAPReply decodes the frames after the envelope of the reply to the request
// with that id.
func ParseZAPReply(content [][]byte, id string) (r ZAPReply, err error) {
	if len(content) != 6 || string(content[0]) != zapVersion || string(content[1]) != id {
		return r, fmt.Errorf("the ZAP handler's answer of %d frames is none to this request", len(content))
	}
	return ZAPReply{Status: string(content[2]), Text: string(content[3]), User: string(content[4]), Metadata: content[5]}, nil
}
