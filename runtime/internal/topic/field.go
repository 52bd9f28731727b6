// Package topic builds topics of literal text and fields, takes them apart, and
// matches them with patterns. docs/PROTOCOL.md specifies how a field is written.
package topic

import "strconv"

// Integer is the constraint of the integer fields that a topic may contain.
type Integer interface {
	~int32 | ~int64 | ~uint32 | ~uint64
}

// Enum is the constraint of generated enum types.
type Enum interface {
	~int32
	String() string
}

// AppendString appends a string field to a topic: its bytes, of which all but
// A-Z a-z 0-9 - _ . ~ become %XX with uppercase digits. delim, the first byte
// of the text that follows the field, becomes %XX, too, so that the field ends
// where delim first occurs; 0 means that nothing follows. delim must not be '%', a
// digit or A-F, which occur in escapes.
func AppendString(b []byte, v string, delim byte) []byte {
	return appendField(b, v, delim)
}

// AppendInt appends an integer field to a topic in decimal, with delim as in
// AppendString.
func AppendInt[T Integer](b []byte, v T, delim byte) []byte {
	var digits [20]byte // as many as the smallest int64 has, with its sign
	if v < 0 {
		return appendField(b, strconv.AppendInt(digits[:0], int64(v), 10), delim)
	}
	return appendField(b, strconv.AppendUint(digits[:0], uint64(v), 10), delim)
}

// AppendBool appends a bool field to a topic as true or false, with delim as in
// AppendString.
func AppendBool(b []byte, v bool, delim byte) []byte {
	if v {
		return appendField(b, "true", delim)
	}
	return appendField(b, "false", delim)
}

// AppendEnum appends an enum field to a topic by the name of its value, in
// decimal where the value has none, with delim as in AppendString.
func AppendEnum[T Enum](b []byte, v T, delim byte) []byte {
	return appendField(b, v.String(), delim)
}

func appendField[V string | []byte](b []byte, v V, delim byte) []byte {
	const hex = "0123456789ABCDEF"
	start := 0 // of the bytes that need no escape
	for i := range len(v) {
		c := v[i]
		if isPlain(c) && c != delim {
			continue
		}
		b = append(b, v[start:i]...)
		b = append(b, '%', hex[c>>4], hex[c&15])
		start = i + 1
	}
	return append(b, v[start:]...)
}

// isEscapedPunctuation reports whether c is visible ASCII that a value never
// contains. It returns false for other bytes that encoding would escape, such as
// spaces and non-ASCII text: publishers that do not encode may send them.
func isEscapedPunctuation(c byte) bool {
	return c > ' ' && c < 0x7f && c != '%' && !isPlain(c)
}

// isPlain reports whether c is one of the unreserved characters of RFC 3986.
func isPlain(c byte) bool {
	const (
		digits  = (1<<10 - 1) << '0'
		letters = (1<<26 - 1) << ('A' - 64)
		low     = digits | 1<<'-' | 1<<'.'
		high    = letters | letters<<('a'-'A') | 1<<('_'-64) | 1<<('~'-64)
	)
	switch c >> 6 {
	case 0:
		return uint64(low)>>c&1 != 0
	case 1:
		return uint64(high)>>(c-64)&1 != 0
	default:
		return false
	}
}
