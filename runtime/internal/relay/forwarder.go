package relay

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// A forwarder passes messages on from the front to the back, one at a time, so
// that the turns of the peers on both sides are kept.
type forwarder struct {
	counters
	capture func(toFront bool, frames [][]byte)
	refused atomic.Uint64 // of those dropped: too large for every peer

	ctx    context.Context // of send; ends when messages are given up
	giveUp context.CancelFunc
	wg     sync.WaitGroup
}

func (f *forwarder) init(cfg *Config) {
	f.capture = cfg.Capture
	f.ctx, f.giveUp = context.WithCancel(context.Background())
}

// run calls next, in a goroutine that wait waits for, until it returns false.
func (f *forwarder) run(next func(out *socket.Frames) bool) {
	f.wg.Go(func() {
		var out socket.Frames
		for next(&out) {
		}
	})
}

// forward passes on one message: out, made from the received message m. It waits
// while the back has no room.
func (f *forwarder) forward(m socket.Received, out *socket.Frames, send func(context.Context, socket.Message) error) {
	if f.capture != nil {
		f.capture(false, m.Frames)
	}
	err := send(f.ctx, out)
	if limit := new(link.LimitError); errors.As(err, &limit) {
		m.Malformed("message dropped: %w", err) // otherwise nobody would learn of it
		f.refused.Add(1)
	}
	f.count(err)
}

// count counts a message that was to go to the back.
func (f *forwarder) count(err error) {
	if err != nil {
		f.dropped.Add(1)
		return
	}
	f.toBack.Add(1)
}

// wait returns when the goroutine of run has ended.
func (f *forwarder) wait() { f.wg.Wait() }
