package gozmq

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// hedging says how a call is made several times at once.
type hedging struct {
	max   int // attempts
	delay time.Duration
}

func (h hedging) applyCall(o *callOptions) { o.hedging = h }

// maxHedges is how many attempts of one call may run at once.
const maxHedges = 5

// WithHedging starts another attempt of a call each time that delay passes
// without a reply, up to max attempts in all (2 to 5), on another server if
// there is one. The first reply counts, and the other attempts are canceled. It
// has no effect on methods that are not marked idempotent.
func WithHedging(max int, delay time.Duration) CallOption { return hedging{max, delay} }

// hedge makes the call as often as its hedging says and returns the first
// outcome that is not worth another attempt.
func (c *Conn) hedge(ctx context.Context, call outgoingCall, reply proto.Message) error {
	h := call.hedging
	ctx, giveUp := context.WithCancel(ctx)
	var attempts sync.WaitGroup
	defer attempts.Wait() // the request is the caller's again
	defer giveUp()
	type outcome struct {
		reply proto.Message
		meta  ReplyMetadata
		err   error
	}
	max := min(h.max, maxHedges)
	outcomes := make(chan outcome, max)
	start := func() {
		own := outcome{reply: reply.ProtoReflect().New().Interface()}
		mine := call
		mine.replyMetadata = &own.meta
		own.err = c.attempts(ctx, &mine, own.reply)
		outcomes <- own
	}
	timer := time.NewTimer(h.delay)
	defer timer.Stop()
	attempts.Go(start)
	for started, ended := 1, 0; ; {
		select {
		case got := <-outcomes:
			if ended++; CodeOf(got.err) == CodeUnavailable && ended < max && ctx.Err() == nil && !c.dealer.Closed() {
				if started < max {
					started++
					c.calls.hedged.Add(1)
					attempts.Go(start)
				}
				continue
			}
			if got.err == nil {
				replace(reply, got.reply)
			}
			if call.replyMetadata != nil {
				*call.replyMetadata = got.meta
			}
			return got.err
		case <-timer.C:
			if started < max {
				started++
				c.calls.hedged.Add(1)
				attempts.Go(start)
				timer.Reset(h.delay)
			}
		}
	}
}
