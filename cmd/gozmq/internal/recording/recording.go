// Package recording has the files of gozmq record and gozmq replay: publications
// and tasks, each a line of JSON, so that every program can read and write them.
package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
)

// Kinds of records.
const (
	KindPublication = "publication"
	KindTask        = "task"
)

// version is the format's version: a reader refuses files of a later one.
const version = 1

// A header is the first line of a file.
type header struct {
	Gozmq   string    `json:"gozmq"` // "recording"
	Version int       `json:"version"`
	Began   time.Time `json:"began"`
}

// A Record is one message. It is a line of JSON with the field names below; the
// body is the encoded message in base64.
type Record struct {
	// Time is when the message came to the recorder.
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`
	// Topic is the topic of a publication; "" with bare framing.
	Topic string `json:"topic,omitempty"`
	// TopicBytes has the topic where it is not UTF-8; Topic is empty then.
	TopicBytes []byte `json:"topicBytes,omitempty"`
	// Method is the method's full name; of a publication it may be unknown.
	Method string `json:"method,omitempty"`
	Bare   bool   `json:"bare,omitempty"`
	Body   []byte `json:"body"`
	// Metadata is the message's metadata.
	Metadata message.Metadata `json:"metadata,omitempty"`

	// For a publication, if its publisher has sent them.
	Published *time.Time `json:"published,omitempty"`
	Publisher string     `json:"publisher,omitempty"` // in hexadecimal
	Sequence  uint64     `json:"sequence,omitempty"`
	Replayed  bool       `json:"replayed,omitempty"`

	// Of a task.
	ID          string `json:"id,omitempty"` // in hexadecimal
	Attempt     int    `json:"attempt,omitempty"`
	AtLeastOnce bool   `json:"atLeastOnce,omitempty"`
}

// TopicText returns the topic.
func (r *Record) TopicText() string {
	if r.TopicBytes != nil {
		return string(r.TopicBytes)
	}
	return r.Topic
}

// SetTopic sets the topic.
func (r *Record) SetTopic(topic string) {
	if utf8.ValidString(topic) {
		r.Topic = topic
		return
	}
	r.TopicBytes = []byte(topic)
}

// A Writer writes records. It is not for concurrent use.
type Writer struct {
	w     io.Writer
	began bool
}

// NewWriter returns a writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes a record, in one call of the writer below.
func (w *Writer) Write(r *Record) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if !w.began {
		if err := enc.Encode(header{"recording", version, r.Time}); err != nil {
			return err
		}
		w.began = true
	}
	if r.Body == nil {
		r.Body = []byte{}
	}
	if err := enc.Encode(r); err != nil {
		return err
	}
	_, err := w.w.Write(b.Bytes())
	return err
}

// MaxLine is the longest line that a Reader reads, in bytes.
const MaxLine = 128 << 20

// A Reader reads records. It is not for concurrent use.
type Reader struct {
	name string // for errors
	scan *bufio.Scanner
	line int
}

// NewReader returns a reader. name is the file's, for errors.
func NewReader(name string, in io.Reader) *Reader {
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 64<<10), MaxLine)
	return &Reader{name: name, scan: s}
}

// Next returns the next record, and io.EOF after the last one. Errors name the
// line.
func (r *Reader) Next() (*Record, error) {
	for r.scan.Scan() {
		r.line++
		text := bytes.TrimSpace(r.scan.Bytes())
		if len(text) == 0 {
			continue
		}
		if r.line == 1 {
			ours, err := r.header(text)
			if err != nil {
				return nil, err
			}
			if ours {
				continue
			}
		}
		return r.record(text)
	}
	if err := r.scan.Err(); err != nil {
		return nil, r.fail(err)
	}
	return nil, io.EOF
}

// header reports whether a line is the header of a file. A file may begin without
// one, so that other programs can write it with a line of shell.
func (r *Reader) header(text []byte) (bool, error) {
	var h header
	if err := json.Unmarshal(text, &h); err != nil || h.Gozmq != "recording" {
		return false, nil
	}
	if h.Version > version {
		return false, r.fail(fmt.Errorf("version %d of the format is newer than this program, which reads %d", h.Version, version))
	}
	return true, nil
}

func (r *Reader) record(text []byte) (*Record, error) {
	rec := &Record{}
	if err := json.Unmarshal(text, rec); err != nil {
		return nil, r.fail(fmt.Errorf("no record: %w", err))
	}
	switch {
	case rec.Kind != KindPublication && rec.Kind != KindTask:
		return nil, r.fail(fmt.Errorf("the kind is %q, want %q or %q", rec.Kind, KindPublication, KindTask))
	case rec.Kind == KindTask && rec.Method == "" && !rec.Bare:
		return nil, r.fail(errors.New("a task has no method"))
	}
	return rec, nil
}

func (r *Reader) fail(err error) error { return fmt.Errorf("%s:%d: %w", r.name, r.line, err) }
