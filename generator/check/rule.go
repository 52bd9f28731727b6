// Package check finds faults in annotated .proto files, and changes that break the
// communication between peers with the old files and peers with the new ones. It
// compares the form on the wire, as protoc-gen-gozmq plans it: a field that is
// renamed in a message and in the topic's template is not a finding, but two
// exchanged placeholders are.
package check

import "github.com/gozmq/gozmq/generator/internal/plan"

// A Kind is what a rule checks.
type Kind int

// The kinds of rules.
const (
	KindLint     Kind = iota + 1 // one version of the files
	KindBreaking                 // an old version and a new one
)

// String returns "lint" or "breaking".
func (k Kind) String() string {
	if k == KindBreaking {
		return "breaking"
	}
	return "lint"
}

// A Rule is one rule. Its ID never changes its meaning.
type Rule struct {
	ID string
	// Purpose is a sentence.
	Purpose  string
	Category string
	Kind     Kind
	// Default says that the rule applies unless others are named.
	Default bool
}

// A Category names rules that are used together.
type Category struct {
	ID string
	// Purpose is a sentence.
	Purpose string
}

// The categories.
const (
	categoryPlugin    = "GOZMQ"
	categoryStrict    = "GOZMQ_STRICT"
	categoryWire      = "GOZMQ_WIRE"
	categoryGuarantee = "GOZMQ_GUARANTEE"
)

// Categories returns all categories.
func Categories() []Category {
	return []Category{
		{categoryPlugin, "Checks what protoc-gen-gozmq refuses to generate code for."},
		{categoryStrict, "Checks for files that work, but often not as intended."},
		{categoryWire, "Checks that peers with the old files and peers with the new ones understand each other."},
		{categoryGuarantee, "Checks that guarantees to peers with the old files are kept."},
	}
}

// The rules that the generator does not apply.
const (
	ruleTopicPrefix    = "GOZMQ_TOPIC_PREFIX"
	ruleTopicBounded   = "GOZMQ_TOPIC_BOUNDED"
	ruleTopicStable    = "GOZMQ_TOPIC_STABLE"
	ruleTaskAttempts   = "GOZMQ_TASK_ATTEMPTS"
	ruleTopicElsewhere = "GOZMQ_TOPIC_OVERLAP_ELSEWHERE"

	ruleSamePattern   = "GOZMQ_SERVICE_SAME_PATTERN"
	ruleSameFraming   = "GOZMQ_SERVICE_SAME_FRAMING"
	ruleMethodKept    = "GOZMQ_METHOD_NO_DELETE"
	ruleSameStreaming = "GOZMQ_METHOD_SAME_STREAMING"
	ruleIdempotency   = "GOZMQ_METHOD_KEEPS_IDEMPOTENCY"
	ruleTimeout       = "GOZMQ_METHOD_TIMEOUT_NOT_SHORTER"
	ruleTopicKept     = "GOZMQ_TOPIC_NO_DELETE"
	ruleSameTemplate  = "GOZMQ_TOPIC_SAME_TEMPLATE"
	ruleRetain        = "GOZMQ_TOPIC_KEEPS_RETAIN"
	ruleSequenced     = "GOZMQ_TOPIC_KEEPS_SEQUENCED"
	ruleLatestOnly    = "GOZMQ_TOPIC_SAME_LATEST_ONLY"
	ruleSnapshot      = "GOZMQ_TOPIC_KEEPS_SNAPSHOT"
	ruleTaskKept      = "GOZMQ_TASK_NO_DELETE"
	ruleSameDelivery  = "GOZMQ_TASK_SAME_DELIVERY"
	ruleSameResult    = "GOZMQ_TASK_SAME_RESULT"
	ruleLease         = "GOZMQ_TASK_LEASE_NOT_SHORTER"
	ruleAttempts      = "GOZMQ_TASK_ATTEMPTS_NOT_FEWER"
)

// Rules returns all rules, those of a kind together.
func Rules() []Rule {
	var out []Rule
	for _, r := range plan.Rules() {
		out = append(out, Rule{string(r.Rule), r.Text, categoryPlugin, KindLint, true})
	}
	return append(append(out, strictRules()...), breakingRules()...)
}

func strictRules() []Rule {
	rule := func(id, purpose string) Rule { return Rule{id, purpose, categoryStrict, KindLint, false} }
	return []Rule{
		rule(ruleTopicPrefix, "Checks that no topic of a PUB/SUB service is the beginning of another method's topic, which its subscribers would receive, too."),
		rule(ruleTopicElsewhere, "Checks that no two topics of different services and messages of a package can be the same."),
		rule(ruleTopicBounded, "Checks that topics for which the publisher keeps state have no placeholder with an unlimited number of values."),
		rule(ruleTopicStable, "Checks that no topic has the name of an enum's value, which changes when the value is renamed."),
		rule(ruleTaskAttempts, "Checks that tasks with DELIVERY_AT_LEAST_ONCE say how often they may be attempted."),
	}
}

func breakingRules() []Rule {
	wire := func(id, purpose string) Rule { return Rule{id, purpose, categoryWire, KindBreaking, true} }
	guarantee := func(id, purpose string) Rule { return Rule{id, purpose, categoryGuarantee, KindBreaking, true} }
	return []Rule{
		wire(ruleSamePattern, "Checks that services keep their pattern."),
		wire(ruleSameFraming, "Checks that services keep their framing."),
		wire(ruleMethodKept, "Checks that no REQ/REP method is deleted or renamed on the wire."),
		wire(ruleSameStreaming, "Checks that unary methods stay unary, and that streams keep their directions."),
		wire(ruleTopicKept, "Checks that no topic is deleted, and that none is renamed on the wire with its method."),
		wire(ruleSameTemplate, "Checks that the topic of a message stays the same on the wire."),
		wire(ruleTaskKept, "Checks that no task is deleted or renamed on the wire."),
		wire(ruleSameDelivery, "Checks that tasks keep their delivery."),
		wire(ruleSameResult, "Checks that tasks with a result keep one, and that those without get none."),
		guarantee(ruleIdempotency, "Checks that methods that may be called again stay so."),
		guarantee(ruleTimeout, "Checks that timeouts are not shortened."),
		guarantee(ruleRetain, "Checks that retained topics stay retained."),
		guarantee(ruleSequenced, "Checks that sequenced topics stay sequenced."),
		guarantee(ruleLatestOnly, "Checks that topics with latest_only keep it, and that others do not get it."),
		guarantee(ruleSnapshot, "Checks that topics keep their snapshot."),
		guarantee(ruleLease, "Checks that leases of tasks are not shortened."),
		guarantee(ruleAttempts, "Checks that tasks are not given up after fewer attempts."),
	}
}
