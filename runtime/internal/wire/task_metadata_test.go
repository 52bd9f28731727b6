package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// A header that is appended to another one adds to it, so that a worker need not
// know what is in the header that came.
func TestTaskMetadata(t *testing.T) {
	task, result := Metadata{"tenant": {"acme", "b"}, "bin-x": {"\x00\xff"}}, Metadata{"host": {"b7"}}
	b := AppendTaskHeader(nil, TaskHeader{Batch: &Batch{ID: []byte("b")}})
	b = AppendTaskHeader(b, TaskHeader{Metadata: task})
	b = AppendTaskHeader(b, TaskHeader{ResultMetadata: result})
	got := ParseTaskHeader(b)
	want := TaskHeader{Batch: got.Batch, Metadata: task, ResultMetadata: result}
	if !reflect.DeepEqual(got, want) || BatchOf(b) == nil || string(BatchOf(b).ID) != "b" {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Without metadata a header has not one byte for it.
func TestTaskWithoutMetadata(t *testing.T) {
	for _, none := range []Metadata{nil, {}, {"k": nil}} {
		if b := AppendTaskHeader(nil, TaskHeader{Attempt: 3, Metadata: none, ResultMetadata: none}); !bytes.Equal(b, []byte{8, 3}) {
			t.Errorf("%v became %x", none, b)
		}
	}
	if h := ParseTaskHeader([]byte{8, 3}); h.Metadata != nil || h.ResultMetadata != nil {
		t.Errorf("metadata: %+v", h)
	}
}

func TestTaskMetadataNotAllowed(t *testing.T) {
	for name, m := range map[string]Metadata{
		"key": {"Key": {"v"}}, "empty key": {"": {"v"}}, "too much": {"k": {strings.Repeat("v", MaxMetadata)}},
	} {
		b := AppendTaskHeader(nil, TaskHeader{Attempt: 3, Metadata: m, ResultMetadata: Metadata{"k": {"v"}}})
		if h := ParseTaskHeader(b); h.Metadata != nil || len(h.ResultMetadata) == 0 || h.Attempt != 3 {
			t.Errorf("%s: %+v", name, h)
		}
	}
}
