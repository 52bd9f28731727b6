package zmtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Names of commands (RFC 37).
const (
	CommandReady     = "READY"
	CommandError     = "ERROR"
	CommandPing      = "PING"
	CommandPong      = "PONG"
	CommandSubscribe = "SUBSCRIBE"
	CommandCancel    = "CANCEL"

	// CommandGoodbye is our extension: the sender accepts no more requests.
	CommandGoodbye = "GOODBYE"
	// CommandOversized is our extension: the publisher did not send a publication,
	// because it is larger than the subscriber's announced limit.
	CommandOversized = "OVERSIZED"
)

const (
	maxPingContext = 16
	// MaxTTL is the longest time to live that a PING may carry: libzmq 4.3.4
	// keeps it in 16 bits of milliseconds.
	MaxTTL = 65 * time.Second
)

// ParseCommand splits a command's bytes into its name and its body, both
// within b.
func ParseCommand(b []byte) (name, body []byte, err error) {
	if len(b) == 0 || int(b[0]) > len(b)-1 || b[0] == 0 {
		return nil, nil, errors.New("command has no name")
	}
	n := 1 + int(b[0])
	return b[1:n], b[n:], nil
}

// AppendCommand appends a whole command frame.
func AppendCommand(b []byte, name string, body ...[]byte) []byte {
	size := 1 + len(name)
	for _, part := range body {
		size += len(part)
	}
	b = AppendHeader(b, FlagCommand, size)
	b = append(b, byte(len(name)))
	b = append(b, name...)
	for _, part := range body {
		b = append(b, part...)
	}
	return b
}

// AppendPing appends a PING whose time to live is ttl, cut to MaxTTL, with a
// context of at most 16 bytes that the PONG must repeat.
func AppendPing(b []byte, ttl time.Duration, context ...byte) []byte {
	var body [2]byte
	binary.BigEndian.PutUint16(body[:], uint16(min(ttl, MaxTTL)/(100*time.Millisecond)))
	return AppendCommand(b, CommandPing, body[:], context)
}

// ParsePing decodes a PING's body. The PONG must repeat the context.
func ParsePing(body []byte) (ttl time.Duration, context []byte, err error) {
	if len(body) < 2 || len(body) > 2+maxPingContext {
		return 0, nil, fmt.Errorf("PING has %d bytes, want 2 to %d", len(body), 2+maxPingContext)
	}
	return time.Duration(binary.BigEndian.Uint16(body)) * 100 * time.Millisecond, body[2:], nil
}

// ErrorBody returns the body of an ERROR command; a reason is cut to 255 bytes.
func ErrorBody(reason string) []byte {
	reason = reason[:min(len(reason), 255)]
	return append([]byte{byte(len(reason))}, reason...)
}

// ParseErrorCommand decodes the reason in an ERROR's body. If the length is wrong
// it returns the available bytes. The peer chose the reason: see Printable.
func ParseErrorCommand(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	n := min(int(body[0]), len(body)-1)
	return string(body[1 : 1+n])
}

// Printable returns text of a peer for use in error texts and logs: bytes that
// do not print, such as line ends and escape sequences, are replaced by Go
// escapes.
func Printable(s string) string {
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// Line returns text, part of which a peer may have chosen: unchanged if it can be
// printed within a line, otherwise as Printable does.
func Line(s string) string {
	for _, r := range s {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return Printable(s)
		}
	}
	return s
}
