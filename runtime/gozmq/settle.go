package gozmq

import (
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// OnSettle has f called once when a task or a result is settled, which is after
// next has returned: a worker's task when its ventilator is told how it ended,
// with a result once a sink has acknowledged that; at a sink or a puller when the
// loop's body has come to its end. outcome is
//
//   - "ack": the task is done, the result was handled;
//   - "nack": it is delivered again, unless it was canceled, and err is the reason,
//     if there is one;
//   - "reject": it becomes a dead letter, and err is the reason;
//   - "lost": the connection has ended, and nobody could be told, as err says; it
//     may be delivered again.
//
// An interceptor calls OnSettle before next. It has no effect but for
// OperationRun and OperationResult with DeliveryAtLeastOnce. f may be called in
// any goroutine; it must not block, must not call the socket, and must not end its
// goroutine. A panic of f is reported as EventPanic.
func (c *CallInfo) OnSettle(f func(outcome string, err error)) {
	if c.Operation == OperationRun || c.Operation == OperationResult {
		h := c.added()
		h.onSettle = append(h.onSettle, f)
	}
}

// settled calls the functions of OnSettle, and reports a panic to o.
func (c *CallInfo) settled(o *observer, t zmtp.SocketType, outcome string, reason error) {
	if c.hooks == nil || len(c.hooks.onSettle) == 0 {
		return
	}
	if outcome == outcomeLost {
		reason = Errorf(CodeUnavailable, "%s: the connection has ended that the task or result came on", c.Method.Procedure)
	} else if reason != nil {
		reason = asError(reason)
	}
	for _, f := range c.hooks.onSettle {
		_ = o.guard(t, "a function of OnSettle", c.Method.Procedure, func() { f(outcome, reason) })
	}
}

const outcomeLost = "lost"

// outcomeOf returns the outcome that a verb stands for, "" for no verb at all.
func outcomeOf(verb wire.Verb) string {
	switch verb {
	case wire.VerbDone:
		return "ack"
	case wire.VerbReject:
		return "reject"
	case "":
		return outcomeLost
	default:
		return "nack"
	}
}
