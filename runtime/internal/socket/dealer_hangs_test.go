package socket

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestHangs follows a peer that hangs, is tried now and then, and comes back.
func TestHangs(t *testing.T) { synctest.Test(t, hangAndComeBack) }

func hangAndComeBack(t *testing.T) {
	var h hangs
	h.reply()
	sent := h.answered()
	h.reply() // to another request: the peer is slow and lives
	if h.timedOut(sent); h.avoided() {
		t.Fatal("a peer that answered others is avoided")
	}
	sent = h.answered()
	if h.timedOut(sent); !h.avoided() {
		t.Fatal("a peer that answered nothing is not avoided")
	}
	for want := 2 * hangFirst; want <= 2*hangLimit; want *= 2 {
		time.Sleep(time.Duration(h.pause.Load()))
		if h.avoided() {
			t.Fatal("it is avoided for good")
		}
		if h.chosen(); !h.avoided() || time.Duration(h.pause.Load()) != min(want, hangLimit) {
			t.Fatalf("after another request it is avoided: %v, for %v, want %v", h.avoided(), time.Duration(h.pause.Load()), min(want, hangLimit))
		}
	}
	if h.reply(); h.avoided() {
		t.Error("it is avoided although it has answered")
	}
}
