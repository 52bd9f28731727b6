package plan

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/gozmq/gozmq/internal/optionfield"
	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// The default of a backoff's longest pause, and its upper limit.
const (
	defaultMaxBackoff = 30 * time.Second
	longestPause      = 24 * time.Hour
)

// A Backoff is how long a task waits after an attempt; the zero value leaves that
// to the ventilator.
type Backoff struct {
	Initial, Max time.Duration
	Multiplier   float64 // 0: the runtime's default
}

// A Limit limits tasks; the zero value is no limit.
type Limit struct {
	Running uint32
	Every   time.Duration
	Burst   uint32
}

// Policy reports whether the ventilator must know the task's method before it has
// tasks of it.
func (t *Task) Policy() bool {
	return t.Backoff != (Backoff{}) || t.Limit != (Limit{}) || t.KeyLimit != (Limit{})
}

// checkBackoff applies the rules for the backoff of a task.
func (p *planner) checkBackoff(at place, t *annotations.Task) {
	b := t.GetBackoff()
	fault := func(field protowire.Number, format string, args ...any) {
		p.report.fault(RuleTask, at.desc, at.loc, at.field(field).sub, format, args...)
	}
	if t.GetMaxAttempts() == 1 {
		p.report.fault(RuleTask, at.desc, at.loc, at.sub, "a backoff has no meaning with max_attempts: 1; remove it, or allow more attempts")
	}
	initial, ok := p.pause(at.field(optionfield.BackoffInitial), "the initial backoff", b.GetInitial(), time.Millisecond)
	if b.GetInitial() == nil {
		p.report.fault(RuleTask, at.desc, at.loc, at.sub, "the backoff has no initial pause; write initial: {seconds: 1}, or leave the backoff out for 100 ms")
	}
	if b.GetMax() != nil {
		longest, valid := p.pause(at.field(optionfield.BackoffMax), "the longest backoff", b.GetMax(), time.Millisecond)
		if ok && valid && longest < initial {
			fault(optionfield.BackoffMax, "the longest backoff, %v, is shorter than the initial one, %v; exchange them, or leave max out", longest, initial)
		}
	}
	if m := b.GetMultiplier(); m != 0 && !(m >= 1 && m <= 10) {
		fault(optionfield.BackoffMultiplier, "the multiplier is %v and must be 1 to 10; leave it out for 2", m)
	}
}

// checkTaskLimit applies the rules for a limit, which name names.
func (p *planner) checkTaskLimit(at place, name string, l *annotations.TaskLimit) {
	if l.GetEvery() != nil {
		p.pause(at.field(optionfield.LimitEvery), "every of the "+name, l.GetEvery(), time.Microsecond)
	}
	if n := l.GetRunning(); n > maxLimit {
		p.report.fault(RuleTask, at.desc, at.loc, at.field(optionfield.LimitRunning).sub, "running of the %s is %d and must be 1 to %d", name, n, maxLimit)
	}
	if n := l.GetBurst(); n > maxLimit {
		p.report.fault(RuleTask, at.desc, at.loc, at.field(optionfield.LimitBurst).sub, "burst of the %s is %d and must be 1 to %d", name, n, maxLimit)
	} else if n > 0 && l.GetEvery() == nil {
		p.report.fault(RuleTask, at.desc, at.loc, at.field(optionfield.LimitBurst).sub, "burst of the %s has no meaning without every; add every: {seconds: 1}, or remove it", name)
	}
	if l.GetRunning() == 0 && l.GetEvery() == nil && l.GetBurst() == 0 {
		p.report.fault(RuleTask, at.desc, at.loc, at.sub, "the %s limits nothing; set running or every, or remove it", name)
	}
}

// longestRetain is for how long a done task may be kept.
const longestRetain = 365 * 24 * time.Hour

// checkRetain applies the rules for how long a done task is kept.
func (p *planner) checkRetain(at place, d *durationpb.Duration) {
	switch {
	case !p.checkDuration(RuleTask, at, "retain", d):
	case d.AsDuration() < time.Second || d.AsDuration() > longestRetain:
		p.report.fault(RuleTask, at.desc, at.loc, at.sub, "retain is %v and must be 1 s to 365 days; write {seconds: 86400} for a day", d.AsDuration())
	}
}

// maxLimit is how many tasks a limit may speak of.
const maxLimit = 1_000_000

// pause returns the value of d, 0 if d is nil or, with a fault, out of bounds.
func (p *planner) pause(at place, what string, d *durationpb.Duration, least time.Duration) (time.Duration, bool) {
	switch {
	case d == nil:
		return 0, false
	case !p.checkDuration(RuleTask, at, what, d):
		return 0, false
	case d.AsDuration() < least || d.AsDuration() > longestPause:
		p.report.fault(RuleTask, at.desc, at.loc, at.sub, "%s is %v and must be %v to 24 h", what, d.AsDuration(), least)
		return 0, false
	}
	return d.AsDuration(), true
}

func backoff(b *annotations.Backoff) Backoff {
	if b == nil {
		return Backoff{}
	}
	initial, longest := b.GetInitial().AsDuration(), b.GetMax().AsDuration()
	if longest == 0 {
		longest = max(initial, defaultMaxBackoff)
	}
	return Backoff{initial, longest, b.GetMultiplier()}
}

func limit(l *annotations.TaskLimit) Limit {
	return Limit{l.GetRunning(), l.GetEvery().AsDuration(), l.GetBurst()}
}
