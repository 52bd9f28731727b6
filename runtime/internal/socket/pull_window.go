package socket

import "time"

// A Window is how many messages of one peer a Pull reads ahead: at least Least, and
// up to Most if the peer's messages are received fast, so that a receiver of small
// messages is not woken for every few.
type Window struct{ Least, Most int }

// FixedWindow returns a window of n messages, at least 1.
func FixedWindow(n int) Window { return Window{max(1, n), max(1, n)} }

// A window grows while as many messages are received within windowFast, and shrinks
// when they take longer than windowSlow.
const (
	windowFast = time.Millisecond
	windowSlow = 4 * time.Millisecond
)

// A pullPace measures how fast a peer's messages are received. The socket's lock
// guards it.
type pullPace struct {
	window   int // the most messages that are read at once
	begun    time.Time
	messages int           // of the batch that has begun
	took     time.Duration // a window of messages, by the last full batch; 0: not known
}

// begin records that a batch of n messages is the next one to be received. A full
// one has as many messages, or bytes, as are read at once.
func (p *pullPace) begin(n int, full bool) {
	p.begun = time.Time{}
	if full {
		p.begun, p.messages = time.Now(), n
	}
}

// end records that the batch has been received.
func (p *pullPace) end() {
	if !p.begun.IsZero() {
		p.took = max(time.Since(p.begun)*time.Duration(p.window)/time.Duration(p.messages), 1)
	}
}

// adapt chooses the window of the next batch.
func (p *pullPace) adapt(w Window) (window int) {
	switch {
	case p.took == 0:
	case p.took < windowFast:
		p.window = min(2*p.window, w.Most)
	case p.took > windowSlow:
		p.window = max(p.window/2, w.Least)
	}
	p.took = 0
	return p.window
}
