package check

import (
	"time"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// call compares two versions of a REQ/REP method.
func (c *comparison) call(p pair, old, now *plan.Method) {
	if old.ClientStreams != now.ClientStreams || old.ServerStreams != now.ServerStreams {
		c.add(ruleSameStreaming, p, "it was %s and is %s: old clients and new servers expect different numbers of messages, so that their calls fail; keep the method, and add another one beside it",
			streaming(old), streaming(now))
		return
	}
	if old.Idempotency != "" && now.Idempotency == "" {
		again := "when a server goes away"
		if old.MaxAttempts > 0 {
			again = "when they fail, and when a server goes away"
		}
		c.add(ruleIdempotency, p, "its idempotency_level is gone: clients with the old files send such calls again %s, which new servers may carry out twice; keep the level and carry out a repeated call once, or add another method beside this one", again)
	}
	if now.Timeout > 0 && (old.Timeout == 0 || now.Timeout < old.Timeout) {
		c.add(ruleTimeout, p.in(plan.MethodTimeout()), "its timeout was %s and is %s: calls that took longer and succeeded fail with DEADLINE_EXCEEDED as soon as a client is built with the new files; keep the timeout, and give those callers that want it shorter a context with a deadline",
			timeout(old.Timeout), timeout(now.Timeout))
	}
}

func streaming(m *plan.Method) string {
	switch {
	case m.ClientStreams && m.ServerStreams:
		return "a stream both ways"
	case m.ClientStreams:
		return "a stream of the client"
	case m.ServerStreams:
		return "a stream of the server"
	default:
		return "unary"
	}
}

func timeout(d time.Duration) string {
	if d == 0 {
		return "without limit"
	}
	return d.String()
}
