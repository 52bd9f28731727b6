package plan

import (
	"time"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gozmq/gozmq/internal/optionfield"
	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// atLeastOnce reports whether s has DELIVERY_AT_LEAST_ONCE.
func atLeastOnce(s *protogen.Service) bool {
	return serviceAnnotation(s).GetDelivery() == annotations.Delivery_DELIVERY_AT_LEAST_ONCE
}

// checkServiceDelivery applies the rules for the delivery of a service.
func (p *planner) checkServiceDelivery(s *protogen.Service) {
	if serviceAnnotation(s).GetDelivery() == annotations.Delivery_DELIVERY_UNSPECIFIED {
		return
	}
	if pattern(s) != annotations.Pattern_PATTERN_PUSH_PULL {
		p.report.fault(RuleMeaning, s.Desc, s.Location, inService(optionfield.ServiceDelivery),
			"a delivery is for PUSH/PULL services; remove it, or set pattern: PATTERN_PUSH_PULL")
		return
	}
	if atLeastOnce(s) && bare(s) {
		p.report.fault(RuleBare, s.Desc, s.Location, inService(optionfield.ServiceDelivery),
			"DELIVERY_AT_LEAST_ONCE needs further frames, for the tasks' ids; remove the framing, or the delivery")
	}
}

// checkMethodTask applies the rules for the task of a method.
func (p *planner) checkMethodTask(s *protogen.Service, m *protogen.Method, t *annotations.Task) {
	if t == nil {
		return
	}
	at := place{m.Desc, m.Location, inMethod(optionfield.MethodTask)}
	if pattern(s) != annotations.Pattern_PATTERN_PUSH_PULL {
		p.report.fault(RuleMeaning, at.desc, at.loc, at.sub,
			"a task is for the methods of PUSH/PULL services; remove it, or set option (gozmq.v1.service).pattern = PATTERN_PUSH_PULL")
		return
	}
	if t.GetDelivery() != annotations.Delivery_DELIVERY_UNSPECIFIED {
		p.report.fault(RuleMeaning, at.desc, at.loc, at.field(optionfield.TaskDelivery).sub,
			"all methods of a service have the same delivery; set it on the service: option (gozmq.v1.service).delivery")
	}
	p.checkTask(at, t, atLeastOnce(s), "option (gozmq.v1.service).delivery = DELIVERY_AT_LEAST_ONCE")
}

// checkTask applies the rules for the fields of a task other than its delivery.
// remedy is the text to write for DELIVERY_AT_LEAST_ONCE.
func (p *planner) checkTask(at place, t *annotations.Task, sure bool, remedy string) {
	fault := func(rule Rule, field protowire.Number, format string, args ...any) {
		p.report.fault(rule, at.desc, at.loc, at.field(field).sub, format, args...)
	}
	const once = "%s has no meaning when a task is handed out once; remove it, or set %s"
	if n := t.GetMaxAttempts(); n > 0 && !sure {
		fault(RuleMeaning, optionfield.TaskMaxAttempts, once, "max_attempts", remedy)
	} else if n > 1000 {
		fault(RuleTask, optionfield.TaskMaxAttempts, "max_attempts is %d and must be 1 to 1000, the first time included", n)
	}
	lease := t.GetLease()
	switch {
	case lease == nil:
	case !sure:
		fault(RuleMeaning, optionfield.TaskLease, once, "a lease", remedy)
	case !p.checkDuration(RuleTask, at.field(optionfield.TaskLease), "the lease", lease):
	case lease.AsDuration() < 100*time.Millisecond || lease.AsDuration() > 24*time.Hour:
		fault(RuleTask, optionfield.TaskLease, "the lease must be 100 ms to 24 h; write {seconds: 60}, or leave it out for that")
	}
	for _, part := range []struct {
		field protowire.Number
		name  string
		set   bool
		check func(place)
	}{
		{optionfield.TaskBackoff, "a backoff", t.GetBackoff() != nil, func(at place) { p.checkBackoff(at, t) }},
		{optionfield.TaskLimit, "a limit", t.GetLimit() != nil, func(at place) { p.checkTaskLimit(at, "limit", t.GetLimit()) }},
		{optionfield.TaskLimitPerKey, "a limit_per_key", t.GetLimitPerKey() != nil, func(at place) { p.checkTaskLimit(at, "limit_per_key", t.GetLimitPerKey()) }},
		{optionfield.TaskRetain, "retain", t.GetRetain() != nil, func(at place) { p.checkRetain(at, t.GetRetain()) }},
	} {
		switch {
		case !part.set:
		case !sure:
			fault(RuleMeaning, part.field, once, part.name, remedy)
		default:
			part.check(at.field(part.field))
		}
	}
}

// taskPolicy plans how the tasks of a method or a message, which n names, are
// handed out.
func taskPolicy(t *annotations.Task, sure bool, n namer) Task {
	if !sure {
		return Task{}
	}
	return Task{
		AtLeastOnce: true, MaxAttempts: t.GetMaxAttempts(), Lease: t.GetLease().AsDuration(),
		Backoff: backoff(t.GetBackoff()), Limit: limit(t.GetLimit()), KeyLimit: limit(t.GetLimitPerKey()), Retain: t.GetRetain().AsDuration(),
		OnDeadLetter: n.exported("On", "DeadLetter"), NewTask: n.exported("New", "Task"),
	}
}
