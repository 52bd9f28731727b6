package plan

import (
	"google.golang.org/protobuf/compiler/protogen"

	"github.com/gozmq/gozmq/generator/internal/topic"
	"github.com/gozmq/gozmq/internal/optionfield"
	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// methodTopic plans the topic of a PUB/SUB method: its own, otherwise its
// message's, otherwise its name.
func (p *planner) methodTopic(m *protogen.Method) *Topic {
	own, inherited := methodAnnotation(m).GetTopic(), messageAnnotation(m.Input).GetTopic()
	ownPlace := place{m.Desc, m.Location, inMethod(optionfield.MethodTopic)}
	inheritedPlace := place{m.Input.Desc, m.Input.Location, inMessage(optionfield.MessageTopic)}
	switch {
	case own.GetTemplate() != "" || own != nil && len(traits(own)) == 0 && own.GetSnapshot() == "":
		return p.topic(ownPlace, m.Input, own)
	case inherited != nil && own == nil:
		return p.topic(inheritedPlace, m.Input, inherited)
	}
	out := &Topic{Segments: []Segment{{Literal: procedure(m)}}}
	if inherited != nil {
		out = p.topic(inheritedPlace, m.Input, inherited)
	}
	p.checkTraits(ownPlace, own)
	out.Traits, out.Snapshot = traits(own), p.snapshot(ownPlace, own)
	return out
}

// topic plans a topic that is annotated at a place.
func (p *planner) topic(at place, m *protogen.Message, t *annotations.Topic) *Topic {
	p.checkTraits(at, t)
	out := &Topic{Template: t.GetTemplate(), Traits: traits(t), Snapshot: p.snapshot(at, t)}
	out.Segments = p.segments(at.field(optionfield.TopicTemplate), m, t.GetTemplate())
	out.Fields = filterFields(m, out.Segments)
	return out
}

// traits returns the runtime's names of t's traits.
func traits(t *annotations.Topic) []string {
	var out []string
	if t.GetSequenced() {
		out = append(out, "Sequenced")
	}
	if t.GetRetain() {
		out = append(out, "Retained")
	}
	if t.GetLatestOnly() {
		out = append(out, "LatestOnly")
	}
	return out
}

// checkOverlaps reports methods of one PUB/SUB service whose topics can be the
// same.
func (p *planner) checkOverlaps(s *protogen.Service, out *Service) {
	var sources []*protogen.Method
	for _, m := range s.Methods {
		if !streams(m) {
			sources = append(sources, m)
		}
	}
	var patterns [][]topic.Segment
	for _, m := range out.Methods {
		patterns = append(patterns, pieces(m.Topic))
	}
	for _, o := range topic.Overlaps(patterns) {
		later, earlier := sources[o.Later], sources[o.Earlier]
		p.report.fault(RuleOverlap, later.Desc, later.Location, inMethod(optionfield.MethodTopic, optionfield.TopicTemplate),
			"its topic and the topic of method %s can be the same, such as %q; begin one of them with other text, in option (gozmq.v1.method).topic",
			earlier.Desc.Name(), o.Example)
	}
}

// pieces returns the topic's segments, none if there is no topic or if its
// template has a fault.
func pieces(t *Topic) []topic.Segment {
	if t == nil {
		return nil
	}
	var out []topic.Segment
	for _, s := range t.Segments {
		out = append(out, topic.Segment{Literal: s.Literal, Path: s.Path})
	}
	return out
}
