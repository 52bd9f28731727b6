package check

import (
	"time"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// The defaults of a task.
const (
	defaultLease    = 60 * time.Second
	defaultAttempts = 20
)

// delivery reports that the delivery of a service or a message has changed.
func (c *comparison) delivery(p pair, wasAtLeastOnce bool, what string) {
	if wasAtLeastOnce {
		c.add(ruleSameDelivery, p, "its delivery was DELIVERY_AT_LEAST_ONCE and is DELIVERY_AT_MOST_ONCE: old workers and sinks use ROUTER and DEALER, so they get nothing from new ventilators, and the tasks of a worker that dies are lost; keep the delivery, and add another %s beside this one", what)
		return
	}
	c.add(ruleSameDelivery, p, "its delivery was DELIVERY_AT_MOST_ONCE and is DELIVERY_AT_LEAST_ONCE: old workers and sinks use PUSH and PULL, so they get nothing from new ventilators, and a handler may now get a task twice; keep the delivery, and add another %s beside this one", what)
}

// task compares how the tasks of two versions are handed out.
func (c *comparison) task(p pair, old, now plan.Task) {
	if !old.AtLeastOnce || !now.AtLeastOnce {
		return
	}
	if a, b := orDefault(old.Lease, defaultLease), orDefault(now.Lease, defaultLease); b < a {
		c.add(ruleLease, p, "its lease was %s and is %s: a worker that extends it too late loses the task to another one, so that both run it; keep the lease, or add another method beside this one", a, b)
	}
	if a, b := orDefault(old.MaxAttempts, defaultAttempts), orDefault(now.MaxAttempts, defaultAttempts); b < a {
		c.add(ruleAttempts, p, "its max_attempts was %d and is %d: new ventilators give tasks up, as dead letters, that would have been tried again; keep the number, or add another method beside this one", a, b)
	}
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// result compares whether a task has a result.
func (c *comparison) result(p pair, old, now *plan.Method) {
	switch {
	case old.HasOutput && !now.HasOutput:
		c.add(ruleSameResult, p, "its tasks no longer have a result: old sinks wait for results that new workers do not send; keep the output, and add another method beside this one")
	case !old.HasOutput && now.HasOutput:
		c.add(ruleSameResult, p, "its tasks have a result now: new sinks wait for results that old workers do not send, and new workers send results that old programs do not collect; keep google.protobuf.Empty, and add another method beside this one")
	}
}

// messageTaskGone reports a task of a message that is gone. With
// DELIVERY_AT_MOST_ONCE such a task is only its body, so the message may have moved
// to another package.
func (c *comparison) messageTaskGone(m *plan.Message) {
	if !m.Task.AtLeastOnce {
		for _, f := range c.now.files {
			for _, other := range f.Messages {
				if other.TaskVar != "" && !other.Task.AtLeastOnce && other.Ident.GoName == m.Ident.GoName && c.old.messages[other.FullName] == nil {
					return
				}
			}
		}
	}
	c.gone(ruleTaskKept, m.FullName, m.FullName, plan.MessageTask(),
		"the task is gone: new pullers do not accept what old pushers send, and old pullers get nothing from new pushers; keep it, marked as deprecated, until nobody uses it")
}
