package gozmq

import "strings"

// cut returns as much of a name from the wire as an error message may show.
func cut(name []byte) []byte { return name[:min(len(name), 128)] }

// validUTF8 returns s with a replacement character for each run of bytes that is
// not UTF-8.
func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
