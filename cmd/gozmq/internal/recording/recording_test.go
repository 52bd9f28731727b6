package recording

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
)

func TestRoundTrip(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	records := []*Record{
		{Time: at, Kind: KindPublication, Topic: "weather/ams", Method: "w.F/T", Body: []byte("\x00\xff"), Sequence: 7, Published: &at, Publisher: "00ff"},
		{Time: at, Kind: KindPublication, TopicBytes: []byte("\xff/"), Body: []byte{}},
		{Time: at, Kind: KindPublication, Bare: true, Body: []byte("x"), Metadata: message.Metadata{"a": {"b", "\xff"}}},
		{Time: at, Kind: KindTask, Method: "i.T/R", ID: "aa", Attempt: 2, AtLeastOnce: true, Body: []byte("<&>")},
	}
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if lines := strings.Count(b.String(), "\n"); lines != len(records)+1 {
		t.Errorf("%d lines:\n%s", lines, b.String())
	}
	r := NewReader("file", &b)
	for _, want := range records {
		got, err := r.Next()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Error(err)
	}
}

// A file that another program has written needs no header.
func TestWithoutHeader(t *testing.T) {
	r := NewReader("file", strings.NewReader("\n{\"kind\":\"publication\",\"topic\":\"a\",\"body\":\"YQ==\"}\n"))
	got, err := r.Next()
	if err != nil || got.TopicText() != "a" || string(got.Body) != "a" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBadFiles(t *testing.T) {
	for text, want := range map[string]string{
		`{"gozmq":"recording","version":2}`:           "file:1: version 2",
		"{\"kind\":\"task\",\"method\":\"a\"}\n{":     "file:2: no record",
		`{"kind":"call"}`:                             `file:1: the kind is "call"`,
		`{"kind":"task"}`:                             "file:1: a task has no method",
		`{"kind":"publication","body":"?"}`:           "file:1: no record",
		`{"kind":"publication","metadata":{"a":[1]}}`: "file:1: no record",
	} {
		r := NewReader("file", strings.NewReader(text))
		_, err := r.Next()
		if err == nil {
			_, err = r.Next()
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("{\"gozmq\":\"recording\",\"version\":1}\n{\"kind\":\"task\",\"method\":\"a\",\"metadata\":{\"a\":[\"b\",{\"base64\":\"YQ==\"}]}}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader("file", bytes.NewReader(b))
		for {
			rec, err := r.Next()
			if err != nil {
				return
			}
			if err := NewWriter(io.Discard).Write(rec); err != nil && rec.Time.Year() >= 0 && rec.Time.Year() < 9999 {
				t.Error(err)
			}
		}
	})
}
