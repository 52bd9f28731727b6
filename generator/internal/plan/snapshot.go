package plan

import (
	"slices"
	"strings"

	"github.com/gozmq/gozmq/internal/optionfield"
	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// snapshot plans the snapshot of a topic that is annotated at a place; nil if it
// has none.
func (p *planner) snapshot(at place, t *annotations.Topic) *Snapshot {
	name := t.GetSnapshot()
	if name == "" {
		return nil
	}
	at = at.field(optionfield.TopicSnapshot)
	fault := func(format string, args ...any) *Snapshot {
		p.report.fault(RuleSnapshot, at.desc, at.loc, at.sub, format, args...)
		return nil
	}
	m := p.index.procedures[name]
	switch {
	case !t.GetSequenced() || !t.GetRetain():
		return fault("a snapshot needs retain and sequenced, so that a subscriber knows which messages the snapshot includes; add the missing one, or remove the snapshot")
	case m == nil:
		return fault("the snapshot names no method: no file here has %q; %s", name, p.snapshotSuggestion())
	case streams(m):
		return fault("the snapshot %q is a streaming method; make it unary, or name another method", name)
	case pattern(m.Parent) != annotations.Pattern_PATTERN_REQ_REP:
		return fault("the snapshot %q is a %s method, which has no reply; write a method of a REQ/REP service", name, patternName(m.Parent))
	case bare(m.Parent):
		return fault("the snapshot %q has FRAMING_BARE, so its reply cannot state which messages it includes; remove the framing, or name another method", name)
	}
	a := methodAnnotation(m)
	return &Snapshot{Method: Method{
		FullName: string(m.Desc.FullName()), Procedure: name,
		Input: m.Input.GoIdent, Output: m.Output.GoIdent,
		Idempotency: idempotency(m), Timeout: a.GetTimeout().AsDuration(), MaxAttempts: a.GetRetry().GetMaxAttempts(),
	}}
}

// snapshotSuggestion names suitable methods of the file.
func (p *planner) snapshotSuggestion() string {
	const most = 8
	var names []string
	for _, s := range p.source.Services {
		if pattern(s) != annotations.Pattern_PATTERN_REQ_REP || bare(s) {
			continue
		}
		for _, m := range s.Methods {
			if !streams(m) {
				names = append(names, procedure(m))
			}
		}
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return "write a method of a REQ/REP service as \"package.Service/Method\""
	case len(names) > most:
		names = append(names[:most], "…")
	}
	return "use one of: " + strings.Join(names, ", ")
}
