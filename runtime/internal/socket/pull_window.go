package socket

import "time"

// A Window is how many messages of one peer a Pull reads ahead: at least Least, and
// up to Most if the peer's messages are received fast, so that a receiver of small
// messages is not woken for every few.
type Window struct{ Least, Most int }

// FixedWindow returns a window of n messages, at least 1.
func FixedWindow(n int) Window { return Window{max(1, n), max(1, n)} }

// A window grows while a full one is received within windowFast, and shrinks when
// it takes longer than windowSlow.
const (
	windowFast = time.Millisecond
	windowSlow = 4 * time.Millisecond
)

// A pullPace measures how fast a peer's messages are received. The socket's lock
// guards begin and end; adapt is called between an end and the next begin.
type pullPace struct {
	window int // the most messages that are read at once
	begun  time.Time
	took   time.Duration // of the last batch; 0: it was not a full one
}

// begin records that a batch of n messages can be received.
func (p *pullPace) begin(n int) {
	p.begun, p.took = time.Time{}, 0
	if n == p.window {
		p.begun = time.Now()
	}
}

// end records that the batch has been received.
func (p *pullPace) end() {
	if !p.begun.IsZero() {
		p.took = max(time.Since(p.begun), 1)
	}
}

// adapt chooses the window of the next batch.
func (p *pullPace) adapt(w Window) {
	switch {
	case p.took == 0:
	case p.took < windowFast:
		p.window = min(2*p.window, w.Most)
	case p.took > windowSlow:
		p.window = max(p.window/2, w.Least)
	}
}
