package gozmqpostgres

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// escape returns a string as a column of type text can have it, which NUL and bytes
// that are no UTF-8 cannot be in: these, and backslashes, become a backslash and
// two hexadecimal digits.
func escape(s string) string {
	if utf8.ValidString(s) && !strings.ContainsAny(s, "\\\x00") {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 || r == '\\' || r == 0 {
			fmt.Fprintf(&b, `\%02x`, s[0])
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// unescape undoes escape.
func unescape(s string) (string, error) {
	begin, rest, found := strings.Cut(s, `\`)
	if !found {
		return s, nil
	}
	b := []byte(begin)
	for found {
		if len(rest) < 2 {
			return "", fmt.Errorf(`%.40q ends within \%s`, s, rest)
		}
		n, err := strconv.ParseUint(rest[:2], 16, 8)
		if err != nil {
			return "", fmt.Errorf(`%.40q has \%s, want two hexadecimal digits`, s, rest[:2])
		}
		b = append(b, byte(n))
		begin, rest, found = strings.Cut(rest[2:], `\`)
		b = append(b, begin...)
	}
	return string(b), nil
}
