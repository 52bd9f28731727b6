package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A point is a place in a text: line and column, from 1.
type point struct{ line, column int }

// behind returns the point after a text that begins at p.
func (p point) behind(text []byte) point {
	last := bytes.LastIndexByte(text, '\n')
	if last >= 0 {
		p.line, p.column = p.line+bytes.Count(text, []byte{'\n'}), 1
	}
	p.column += utf8.RuneCount(text[last+1:])
	return p
}

var place = regexp.MustCompile(`\(line (\d+):(\d+)\): `)

// located splits an error of protojson into the offset in b that it names, -1
// for none, and its text.
func located(b []byte, err error) (at int, text string) {
	text = clean(err).Error()
	m := place.FindStringSubmatchIndex(text)
	if m == nil {
		return -1, text
	}
	line, _ := strconv.Atoi(text[m[2]:m[3]])
	column, _ := strconv.Atoi(text[m[4]:m[5]])
	at = 0
	for range line - 1 {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
	}
	for range column - 1 {
		_, size := utf8.DecodeRune(b[at:])
		at += size
	}
	return at, text[:m[0]] + text[m[1]:]
}

// clean returns an error of protobuf's libraries without its prefix, in which
// they put white space that differs from program to program.
func clean(err error) error {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	text = strings.TrimPrefix(text, "proto:")
	return errors.New(strings.Join(strings.Fields(text), " "))
}

// pathAt returns the path of the value, or of the name, at an offset of a JSON
// value: "items[2].name"; "the message" for the value itself.
func pathAt(b []byte, at int) string {
	p := pather{dec: json.NewDecoder(bytes.NewReader(b)), at: int64(at)}
	p.value("")
	if p.found == "" {
		return "the message"
	}
	return strings.TrimPrefix(p.found, ".")
}

// A pather walks the tokens of a JSON value up to an offset.
type pather struct {
	dec   *json.Decoder
	at    int64
	found string
}

// value walks one value, and reports whether to go on.
func (p *pather) value(path string) bool {
	t, err := p.dec.Token()
	if err != nil {
		return false
	}
	if p.dec.InputOffset() > p.at {
		p.found = path
		return false
	}
	switch t {
	case json.Delim('{'):
		return p.object(path)
	case json.Delim('['):
		for i := 0; p.dec.More(); i++ {
			if !p.value(path + "[" + strconv.Itoa(i) + "]") {
				return false
			}
		}
		_, err := p.dec.Token()
		return err == nil
	}
	return true
}

func (p *pather) object(path string) bool {
	for p.dec.More() {
		key, err := p.dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return false
		}
		if p.dec.InputOffset() > p.at {
			p.found = path + "." + name
			return false
		}
		if !p.value(path + "." + name) {
			return false
		}
	}
	_, err := p.dec.Token()
	return err == nil || errors.Is(err, io.EOF)
}
