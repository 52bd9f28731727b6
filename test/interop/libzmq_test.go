package interop

import "testing"

// TestWhatLibzmqDoes holds docs/PROTOCOL.md's section on libzmq to libzmq.
func TestWhatLibzmqDoes(t *testing.T) {
	p := start(t, "", "libzmq.py")
	for _, fact := range []string{
		"xpub_verbose 0 tells of a second subscriber: False",
		"xpub_verbose 1 tells of a second subscriber: True",
		"xpub_manual_last_value replays to one: b'first' b'second' to all: b'second'",
		"router_mandatory 0 tells of an end: False what is sent to it: is dropped",
		"router_mandatory 1 tells of an end: False what is sent to it: Host unreachable",
		"immediate 0 queues for nobody",
		"immediate 1 queues nothing",
		"maxmsgsize 100 lets two frames of 80 pass: True",
		"maxmsgsize 100 lets a frame of 101 pass: False",
	} {
		if got := p.line(); got != fact {
			t.Errorf("got %q, want %q", got, fact)
		}
	}
	p.wait()
}
