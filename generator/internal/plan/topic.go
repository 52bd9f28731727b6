package plan

import (
	"google.golang.org/protobuf/compiler/protogen"

	"github.com/gozmq/gozmq/generator/internal/topic"
)

// methodTopic plans the topic of a PUB/SUB method: its own, else that of its
// message, else its name.
func (p *planner) methodTopic(m *protogen.Method) *Topic {
	if t := methodAnnotation(m).GetTopic(); t != nil {
		return p.topic(place{m.Desc, m.Location, inMethod(3, 1)}, m.Input, t.GetTemplate())
	}
	if t := messageAnnotation(m.Input).GetTopic(); t != nil {
		return p.topic(place{m.Input.Desc, m.Input.Location, inMessage(1, 1)}, m.Input, t.GetTemplate())
	}
	return &Topic{Segments: []Segment{{Literal: procedure(m)}}}
}

func (p *planner) topic(at place, m *protogen.Message, template string) *Topic {
	out := &Topic{Template: template, Segments: p.segments(at, m, template)}
	out.Fields = filterFields(m, out.Segments)
	return out
}

// checkOverlaps reports methods of one PUB/SUB service whose topics cannot be
// told apart.
func (p *planner) checkOverlaps(s *protogen.Service, out *Service) {
	var sources []*protogen.Method
	var patterns [][]topic.Segment
	for _, m := range s.Methods {
		if !streams(m) {
			sources = append(sources, m)
		}
	}
	for i, m := range out.Methods {
		patterns = append(patterns, pieces(m.Topic))
		for j := range i {
			if len(patterns[i]) == 0 || len(patterns[j]) == 0 {
				continue
			}
			if example, yes := topic.Overlap(patterns[i], patterns[j]); yes {
				p.report.fault(sources[i].Desc, sources[i].Location, inMethod(3, 1),
					"its topic and that of method %s can be the same, as %q; begin one of them with other text, in option (gozmq.v1.method).topic",
					sources[j].Desc.Name(), example)
			}
		}
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
