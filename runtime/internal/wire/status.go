package wire

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// A Status is the outcome of a call or task that failed.
type Status struct {
	Code    int32 // of google.rpc.Code, 1 to 16
	Message string
	Details []*anypb.Any
}

// The codes that a status may have, and the one for errors without a code.
const (
	firstCode   = 1
	unknownCode = 2
	lastCode    = 16
)

// maxStatusMessage is how many bytes of a status's message are sent.
const maxStatusMessage = 16 << 10

// AppendStatus appends a status in at most about limit bytes. A code that is out of
// range becomes UNKNOWN; a long message is cut, and details that would make the
// status larger than limit, or that cannot be encoded, are left out.
func AppendStatus(b []byte, s Status, limit int) []byte {
	if s.Code < firstCode || s.Code > lastCode {
		s.Code = unknownCode
	}
	text := s.Message[:min(len(s.Message), maxStatusMessage, limit/2)]
	m := &gozmqv1.Status{Code: s.Code, Message: strings.ToValidUTF8(text, "\uFFFD"), Details: s.Details}
	if proto.Size(m) > limit {
		m.Details = nil
	}
	out, err := proto.MarshalOptions{}.MarshalAppend(b, m)
	if err != nil { // a detail that is not a message: the other parts are worth more
		m.Details = nil
		out, _ = proto.MarshalOptions{}.MarshalAppend(b, m)
	}
	return out
}

// ParseStatus decodes a status. A code outside the valid range, for example from a
// later version, becomes UNKNOWN, and the message then states it.
func ParseStatus(b []byte) (Status, error) {
	var m gozmqv1.Status
	if err := proto.Unmarshal(b, &m); err != nil {
		return Status{}, fmt.Errorf("decode status of %d bytes: %w", len(b), err)
	}
	s := Status{Code: m.GetCode(), Message: m.GetMessage(), Details: m.GetDetails()}
	if s.Code < firstCode || s.Code > lastCode {
		s.Message = fmt.Sprintf("status with code %d: %s", s.Code, s.Message)
		s.Code = unknownCode
	}
	return s, nil
}
