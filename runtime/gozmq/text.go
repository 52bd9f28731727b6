package gozmq

import "strings"

// validUTF8 returns s with a replacement character for each run of bytes that is
// not UTF-8.
func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
