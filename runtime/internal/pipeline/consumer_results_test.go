package pipeline

import (
	"fmt"
	"testing"
)

// The oldest results are forgotten beyond the bounds, in bytes and in tasks.
func TestDoneResults(t *testing.T) {
	r := newDoneResults()
	r.add("none", nil)
	r.add("empty", []byte{})
	if got := r.get([]byte("empty")); got == nil || r.kept.Len() != 1 {
		t.Errorf("got %v of %d results", got, r.kept.Len())
	}
	for n := range 5 {
		r.add(fmt.Sprint("big", n), make([]byte, maxDoneResultBytes/4))
	}
	if r.get([]byte("big0")) != nil || r.kept.Len() != 4 || r.kept.Bytes() != maxDoneResultBytes {
		t.Errorf("%d results of %d bytes are left", r.kept.Len(), r.kept.Bytes())
	}
	for n := range consumerMemory + 1 {
		r.add(fmt.Sprint(n), []byte("x"))
	}
	if r.get([]byte("0")) != nil || r.kept.Len() != consumerMemory || r.kept.Bytes() != consumerMemory {
		t.Errorf("%d results of %d bytes are left", r.kept.Len(), r.kept.Bytes())
	}
	r.add("huge", make([]byte, maxDoneResultBytes+1))
	if r.kept.Len() != 0 || r.kept.Bytes() != 0 {
		t.Errorf("%d results of %d bytes are left of a huge one", r.kept.Len(), r.kept.Bytes())
	}
}

// A task that is done a second time has one result.
func TestDoneResultAgain(t *testing.T) {
	r := newDoneResults()
	r.add("task", []byte("first"))
	r.add("task", []byte("second one"))
	if got := string(r.get([]byte("task"))); got != "second one" || r.kept.Len() != 1 || r.kept.Bytes() != len(got) {
		t.Errorf("%q of %d bytes in %d places", got, r.kept.Bytes(), r.kept.Len())
	}
}
