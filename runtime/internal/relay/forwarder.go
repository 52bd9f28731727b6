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
// that the turns of the peers on both sides are kept. Readers of the front do so
// while nothing has to wait, and a goroutine does the rest.
type forwarder struct {
	counters
	capture func(toFront bool, frames [][]byte)
	refused atomic.Uint64 // of those dropped: too large for every peer

	front front
	back  back
	held  *passing // has to wait for room; it belongs to whoever has the turn

	ctx    context.Context // of back.Send; ends when messages are given up
	giveUp context.CancelFunc
	wg     sync.WaitGroup
}

// A front is a socket whose messages are received in turns (socket.Pull.TakeTurns).
type front interface {
	TakeTurns(lead func())
	TryRecv() (socket.Received, bool)
	PassTurn()
	AwaitTurn() bool
}

// A back is a socket that takes messages (socket.Push).
type back interface {
	TrySend(m socket.Message, g *link.Gathered) (bool, error)
	Send(ctx context.Context, m socket.Message) error
}

// A passing is a run of messages that one goroutine passes on.
type passing struct {
	m        socket.Received // the last one
	out      socket.Frames   // m as it goes to the back
	route    []byte          // the memory of out.Route
	gathered link.Gathered
	passed   int             // messages since gathered was written
	audience socket.Audience // of a publication
}

var passings = sync.Pool{New: func() any { return new(passing) }}

// passedAtOnce is how many messages a reader passes on before it reads again, and
// how many may wait for a write.
const passedAtOnce = 256

// init prepares a forwarder whose front has no connection yet.
func (f *forwarder) init(cfg *Config, front front, back back) {
	f.capture, f.front, f.back = cfg.Capture, front, back
	f.ctx, f.giveUp = context.WithCancel(context.Background())
}

// start begins to pass on what prepare, which may set the route, returns true for.
// It drops the others.
func (f *forwarder) start(prepare func(*passing) bool) {
	f.front.TakeTurns(func() { f.lead(prepare) })
	f.wg.Go(func() { f.follow(prepare) })
}

// wait returns when the goroutine of start has ended, after the front.
func (f *forwarder) wait() { f.wg.Wait() }

// lead passes messages on in a reader's goroutine. When one has to wait, or the
// reader should read again, it passes the turn.
func (f *forwarder) lead(prepare func(*passing) bool) {
	p := passings.Get().(*passing)
	for range passedAtOnce {
		if !f.receive(p, prepare) {
			p.end()
			return
		}
		if !f.try(p) {
			f.held = p
			f.front.PassTurn()
			return
		}
	}
	f.front.PassTurn()
	p.end()
}

// follow passes messages on that have to wait, and those behind them.
func (f *forwarder) follow(prepare func(*passing) bool) {
	for f.front.AwaitTurn() {
		p := f.held
		if f.held = nil; p == nil {
			p = passings.Get().(*passing)
		} else {
			f.done(p, f.back.Send(f.ctx, &p.out))
		}
		for f.receive(p, prepare) {
			if !f.try(p) {
				f.done(p, f.back.Send(f.ctx, &p.out))
			}
		}
		p.end()
	}
}

// receive takes the next message that is to be passed on. It returns false, without
// the turn, when there is none.
func (f *forwarder) receive(p *passing, prepare func(*passing) bool) bool {
	for {
		m, ok := f.front.TryRecv()
		if !ok {
			return false
		}
		p.m, p.out.Parts = m, m.Frames
		if prepare(p) {
			if f.capture != nil {
				f.capture(false, m.Frames)
			}
			return true
		}
		m.Release()
	}
}

// try passes the message on, unless it has to wait: then it returns false, and
// nothing is left to write.
func (f *forwarder) try(p *passing) bool {
	placed, err := f.back.TrySend(&p.out, &p.gathered)
	if !placed && err == nil && p.write() {
		placed, err = f.back.TrySend(&p.out, &p.gathered)
	}
	if !placed && err == nil {
		return false
	}
	f.done(p, err)
	if p.passed++; p.passed >= passedAtOnce {
		p.write()
	}
	p.gathered.WriteDue()
	return true
}

// done counts and releases the message. err is why it was not passed on.
func (f *forwarder) done(p *passing, err error) {
	if err != nil && errors.As(err, new(*link.LimitError)) {
		p.m.Malformed("message dropped: %w", err) // otherwise nobody would learn of it
		f.refused.Add(1)
	}
	f.count(err)
	p.m.Release()
}

// count counts a message that was to go to the back.
func (f *forwarder) count(err error) {
	if err != nil {
		f.dropped.Add(1)
		return
	}
	f.toBack.Add(1)
}

func (p *passing) write() bool {
	p.passed = 0
	return p.gathered.Write()
}

// end writes what is left, and gives up the memory.
func (p *passing) end() {
	p.write()
	p.m, p.out = socket.Received{}, socket.Frames{}
	passings.Put(p)
}
