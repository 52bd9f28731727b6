package check

import "github.com/gozmq/gozmq/generator/internal/plan"

func patternOf(s *plan.Service) string {
	switch {
	case s.PubSub != nil:
		return "PUB/SUB"
	case s.PushPull != nil:
		return "PUSH/PULL"
	default:
		return "REQ/REP"
	}
}

func isBare(s *plan.Service) bool {
	return s.PubSub != nil && s.PubSub.Bare || len(s.Methods) > 0 && s.Methods[0].Bare
}

func framingOf(s *plan.Service) string {
	if isBare(s) {
		return "FRAMING_BARE"
	}
	return "FRAMING_NAMED"
}

// strangers describes which peers no longer understand each other.
func strangers(s *plan.Service) string {
	switch {
	case s.PubSub != nil:
		return "old subscribers get nothing from new publishers, nor new subscribers from old publishers, and nobody gets an error"
	case s.PushPull != nil:
		return "old workers and sinks get nothing from new ventilators and workers, nor new ones from old ones"
	default:
		return "old clients get no reply from new servers, nor new clients from old servers"
	}
}

// goneRule is the rule against removing a part of a service.
func goneRule(s *plan.Service) string {
	switch {
	case s.PubSub != nil:
		return ruleTopicKept
	case s.PushPull != nil:
		return ruleTaskKept
	default:
		return ruleMethodKept
	}
}

// goneEffect describes what happens to the messages of an old peer.
func goneEffect(s *plan.Service) string {
	if s.PushPull != nil {
		return "new workers cannot run the tasks of old ventilators, and old workers get none from new ventilators"
	}
	return "old clients that call it get UNIMPLEMENTED from new servers"
}
