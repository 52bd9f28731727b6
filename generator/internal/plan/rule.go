package plan

// A Rule is the id of a rule that the generator applies. The rules are found by
// lint under these ids, so an id never changes its meaning.
type Rule string

// The rules, by what they are about.
const (
	RuleGoPackage  Rule = "GOZMQ_GO_PACKAGE"
	RuleGoName     Rule = "GOZMQ_GO_NAME"
	RuleVocabulary Rule = "GOZMQ_ANNOTATION_KNOWN"
	RuleMeaning    Rule = "GOZMQ_ANNOTATION_MEANS_SOMETHING"
	RuleBare       Rule = "GOZMQ_BARE_FRAMING"
	RuleStream     Rule = "GOZMQ_STREAM_POSSIBLE"
	RuleTimeout    Rule = "GOZMQ_TIMEOUT_RANGE"
	RuleRetry      Rule = "GOZMQ_RETRY_HARMLESS"
	RuleAttempts   Rule = "GOZMQ_RETRY_RANGE"
	RuleReply      Rule = "GOZMQ_TOPIC_NO_REPLY"
	RuleTemplate   Rule = "GOZMQ_TOPIC_TEMPLATE"
	RuleOverlap    Rule = "GOZMQ_TOPIC_OVERLAP"
	RuleTraits     Rule = "GOZMQ_TOPIC_LATEST_ONLY"
	RuleSnapshot   Rule = "GOZMQ_TOPIC_SNAPSHOT"
	RuleTask       Rule = "GOZMQ_TASK_RANGE"
)

// Rules returns all rules, each with its purpose.
func Rules() []Purpose {
	return []Purpose{
		{RuleGoPackage, "Checks that generated code can import the Go packages of the messages."},
		{RuleGoName, "Checks that no two names of generated code are the same."},
		{RuleVocabulary, "Checks that this version of gozmq knows every annotation."},
		{RuleMeaning, "Checks that every annotation is in a place where it has a meaning."},
		{RuleBare, "Checks that services with FRAMING_BARE use nothing that needs further frames."},
		{RuleStream, "Checks that methods stream only where their pattern and framing have streams."},
		{RuleTimeout, "Checks that timeouts are valid."},
		{RuleRetry, "Checks that calls are tried again only where that does no harm."},
		{RuleAttempts, "Checks that calls are tried 2 to 10 times."},
		{RuleReply, "Checks that PUB/SUB methods return google.protobuf.Empty."},
		{RuleTemplate, "Checks that topic templates are well formed, and name fields that a topic can hold."},
		{RuleOverlap, "Checks that no two methods of a PUB/SUB service can have the same topic."},
		{RuleTraits, "Checks that no topic is both latest_only and sequenced."},
		{RuleSnapshot, "Checks that a topic with a snapshot is retained and sequenced, and that the snapshot is a unary REQ/REP method."},
		{RuleTask, "Checks that leases, numbers of attempts, backoffs, limits and retentions of tasks are within their bounds."},
	}
}

// A Purpose is a rule with its purpose, in one sentence.
type Purpose struct {
	Rule Rule
	Text string
}
