package plan

import (
	"math"
	"time"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/gozmq/gozmq/internal/optionfield"
	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// checkService applies the rules for a service as a whole.
func (p *planner) checkService(s *protogen.Service) {
	if bare(s) && len(s.Methods) != 1 {
		p.report.fault(RuleBare, s.Desc, s.Location, inService(optionfield.ServiceFraming),
			"a service with FRAMING_BARE has exactly one method, since nothing on the wire says which one is meant; it has %d: split the service, or remove the framing", len(s.Methods))
	}
	p.checkServiceDelivery(s)
}

// checkMethod applies the rules for one method.
func (p *planner) checkMethod(s *protogen.Service, m *protogen.Method) {
	a := methodAnnotation(m)
	p.checkStreams(s, m)
	if pattern(s) == annotations.Pattern_PATTERN_REQ_REP {
		p.checkTimeout(m, a.GetTimeout())
		p.checkRetry(m, a.GetRetry())
	} else {
		const text = "a %s is for the methods of REQ/REP services; remove it, since %s methods have no reply to wait for"
		if a.GetTimeout() != nil {
			p.report.fault(RuleMeaning, m.Desc, m.Location, inMethod(optionfield.MethodTimeout), text, "timeout", patternName(s))
		}
		if a.GetRetry() != nil {
			p.report.fault(RuleMeaning, m.Desc, m.Location, inMethod(optionfield.MethodRetry), text, "retry", patternName(s))
		}
	}
	p.checkMethodTask(s, m, a.GetTask())
	if pattern(s) == annotations.Pattern_PATTERN_PUB_SUB {
		p.checkPublished(s, m)
	} else if a.GetTopic() != nil {
		p.report.fault(RuleMeaning, m.Desc, m.Location, inMethod(optionfield.MethodTopic),
			"a topic is for the methods of PUB/SUB services; remove it, or set option (gozmq.v1.service).pattern = PATTERN_PUB_SUB")
	}
}

// checkStreams applies the rules for streams in a method.
func (p *planner) checkStreams(s *protogen.Service, m *protogen.Method) {
	if !streams(m) {
		return
	}
	where := []int32{clientStreaming}
	if !m.Desc.IsStreamingClient() {
		where = []int32{serverStreaming}
	}
	switch pattern(s) {
	case annotations.Pattern_PATTERN_PUB_SUB:
		p.report.fault(RuleStream, m.Desc, m.Location, where,
			"a PUB/SUB method publishes one message after another as it is; remove the word stream, or move the method to a REQ/REP service, where each client opens its own stream")
	case annotations.Pattern_PATTERN_PUSH_PULL:
		p.report.fault(RuleStream, m.Desc, m.Location, where,
			"a PUSH/PULL method takes one task after another as it is, and each has one result; remove the word stream, or move the method to a REQ/REP service")
	default:
		if bare(s) {
			p.report.fault(RuleStream, m.Desc, m.Location, where,
				"with FRAMING_BARE nothing on the wire distinguishes the messages of two streams; remove the framing, or the word stream")
		}
	}
}

// checkPublished applies the rules for a method of a PUB/SUB service.
func (p *planner) checkPublished(s *protogen.Service, m *protogen.Method) {
	if !isEmpty(m.Output) {
		p.report.fault(RuleReply, m.Desc, m.Location, []int32{outputType},
			"a PUB/SUB method has no reply: write returns (google.protobuf.Empty) in place of %s", m.Output.Desc.FullName())
	}
	if bare(s) && methodAnnotation(m).GetTopic() != nil {
		p.report.fault(RuleBare, m.Desc, m.Location, inMethod(optionfield.MethodTopic),
			"with FRAMING_BARE nothing but the body is sent, so there is no topic; remove the topic, or the framing")
	}
}

// checkTraits applies the rules for a topic's traits.
func (p *planner) checkTraits(at place, t *annotations.Topic) {
	if t.GetLatestOnly() && t.GetSequenced() {
		p.report.fault(RuleTraits, at.desc, at.loc, at.field(optionfield.TopicLatestOnly).sub,
			"latest_only leaves messages out, which sequenced would report as missing; remove one of them")
	}
}

// checkDuration reports whether d, which what names, is a valid duration.
func (p *planner) checkDuration(rule Rule, at place, what string, d *durationpb.Duration) bool {
	if d.CheckValid() == nil {
		return true
	}
	p.report.fault(rule, at.desc, at.loc, at.sub, "%s is not a valid duration: seconds and nanos must have the same sign, and nanos be below one second", what)
	return false
}

func (p *planner) checkTimeout(m *protogen.Method, timeout *durationpb.Duration) {
	if timeout == nil {
		return
	}
	if !p.checkDuration(RuleTimeout, place{m.Desc, m.Location, inMethod(optionfield.MethodTimeout)}, "the timeout", timeout) {
		return
	}
	const most = int64(math.MaxInt64 / time.Second)
	if timeout.AsDuration() <= 0 || timeout.GetSeconds() >= most {
		p.report.fault(RuleTimeout, m.Desc, m.Location, inMethod(optionfield.MethodTimeout),
			"the timeout must be above zero and below 292 years; write {seconds: 2}, or leave it out for no limit")
	}
}

func (p *planner) checkRetry(m *protogen.Method, retry *annotations.Retry) {
	switch {
	case retry == nil:
		return
	case m.Desc.IsStreamingClient():
		p.report.fault(RuleRetry, m.Desc, m.Location, inMethod(optionfield.MethodRetry),
			"the messages of a client's stream are not kept, so they cannot be sent again; remove the retry, and let the caller open the stream again")
		return
	}
	if idempotency(m) == "" {
		p.report.fault(RuleRetry, m.Desc, m.Location, inMethod(optionfield.MethodRetry),
			"a call may be tried again only if that does no harm; add option idempotency_level = NO_SIDE_EFFECTS or IDEMPOTENT, or remove the retry")
	}
	if n := retry.GetMaxAttempts(); n < 2 || n > 10 {
		p.report.fault(RuleAttempts, m.Desc, m.Location, inMethod(optionfield.MethodRetry, optionfield.RetryMaxAttempts),
			"max_attempts is %d and must be 2 to 10, the first try included", n)
	}
}

func patternName(s *protogen.Service) string {
	switch pattern(s) {
	case annotations.Pattern_PATTERN_PUB_SUB:
		return "PUB/SUB"
	case annotations.Pattern_PATTERN_PUSH_PULL:
		return "PUSH/PULL"
	default:
		return "REQ/REP"
	}
}
