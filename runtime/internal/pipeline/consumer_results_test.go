package pipeline

import (
	"fmt"
	"testing"
)

// The oldest results are forgotten beyond the bounds, in bytes and in tasks.
func TestDoneResults(t *testing.T) {
	var r doneResults
	r.add("none", nil)
	r.add("empty", []byte{})
	if got, ok := r.byID["empty"]; !ok || got == nil || len(r.byID) != 1 {
		t.Errorf("got %v", r.byID)
	}
	for n := range 5 {
		r.add(fmt.Sprint("big", n), make([]byte, maxDoneResultBytes/4))
	}
	if _, ok := r.byID["big0"]; ok || len(r.byID) != 4 || r.bytes != maxDoneResultBytes {
		t.Errorf("%d results of %d bytes are left", len(r.byID), r.bytes)
	}
	for n := range consumerMemory + 1 {
		r.add(fmt.Sprint(n), []byte("x"))
	}
	if r.byID["0"] != nil || len(r.byID) != consumerMemory || len(r.order) != consumerMemory || r.bytes != consumerMemory {
		t.Errorf("%d results of %d bytes are left", len(r.byID), r.bytes)
	}
	r.add("huge", make([]byte, maxDoneResultBytes+1))
	if len(r.byID) != 0 || len(r.order) != 0 || r.bytes != 0 {
		t.Errorf("%d results of %d bytes are left of a huge one", len(r.byID), r.bytes)
	}
}

// A task that is done a second time has one result.
func TestDoneResultAgain(t *testing.T) {
	var r doneResults
	r.add("task", []byte("first"))
	r.add("task", []byte("second one"))
	if got := string(r.byID["task"]); got != "second one" || len(r.order) != 1 || r.bytes != len(got) {
		t.Errorf("%q of %d bytes in %d places", got, r.bytes, len(r.order))
	}
}
