// Package topic parses topic templates and compares the topics they make. It does
// not use descriptors.
package topic

import (
	"fmt"
	"strings"
)

// A Segment is a piece of a template: literal text, or the path of a field.
type Segment struct {
	// Literal is the text. Empty for a placeholder.
	Literal string
	// Path is the text between the braces. Empty for literal text.
	Path string
}

// Parse splits a template into segments. Two literals never follow each other.
// It reports all faults of the template; each says what to write instead.
func Parse(template string) ([]Segment, []error) {
	if template == "" {
		return nil, []error{fmt.Errorf("the template is empty; write the topic's text, as in \"weather/{station}\"")}
	}
	segments, err := split(template)
	if err != nil {
		return nil, []error{err}
	}
	var faults []error
	for i, s := range segments {
		if s.Path == "" {
			continue
		}
		if !isPath(s.Path) {
			faults = append(faults, fmt.Errorf("%q in the template is not a field's name or a path as in {customer.id}", "{"+s.Path+"}"))
		}
		if i+1 < len(segments) {
			if err := checkDelimiter(s, segments[i+1]); err != nil {
				faults = append(faults, err)
			}
		}
	}
	return segments, faults
}

func split(template string) ([]Segment, error) {
	var segments []Segment
	for rest := template; rest != ""; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			return append(segments, Segment{Literal: rest}), nil
		}
		if i > 0 {
			segments = append(segments, Segment{Literal: rest[:i]})
		}
		path, tail, err := placeholder(rest[i:])
		if err != nil {
			return nil, err
		}
		segments = append(segments, Segment{Path: path})
		rest = tail
	}
	return segments, nil
}

// placeholder splits "{path}" from the front of s, which starts with a brace.
func placeholder(s string) (path, tail string, err error) {
	if s[0] == '}' {
		return "", "", fmt.Errorf("the template has a %q without a %q before it; a literal brace cannot be written", "}", "{")
	}
	end := strings.IndexAny(s[1:], "{}")
	if end < 0 || s[1+end] == '{' {
		return "", "", fmt.Errorf("the template has a %q that is not closed; write {field}; a literal brace cannot be written", "{")
	}
	if end == 0 {
		return "", "", fmt.Errorf("the template has an empty placeholder; name a field between the braces")
	}
	return s[1 : 1+end], s[2+end:], nil
}

// checkDelimiter reports a segment that cannot end the placeholder before it.
func checkDelimiter(s, next Segment) error {
	if next.Path != "" {
		return fmt.Errorf("{%s} and {%s} touch; put literal text between them, as in {%s}/{%s}", s.Path, next.Path, s.Path, next.Path)
	}
	c := next.Literal[0]
	if c == 0 {
		return fmt.Errorf("the text after {%s} starts with a NUL byte; start it with another character, as %q", s.Path, "/")
	}
	if c == '%' || '0' <= c && c <= '9' || 'A' <= c && c <= 'F' {
		return fmt.Errorf("the text after {%s} starts with %q, which occurs inside percent-encoded values; start it with another character, as %q", s.Path, string(c), "/")
	}
	return nil
}

// isPath reports whether s is one or more protobuf identifiers joined by dots.
func isPath(s string) bool {
	for _, name := range strings.Split(s, ".") {
		if name == "" || '0' <= name[0] && name[0] <= '9' {
			return false
		}
		for i := range len(name) {
			if c := name[i]; c != '_' && !isAlphanumeric(c) {
				return false
			}
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
