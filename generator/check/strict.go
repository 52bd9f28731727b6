package check

import (
	"fmt"
	"strings"

	"github.com/gozmq/gozmq/generator/internal/plan"
	"github.com/gozmq/gozmq/generator/internal/topic"
)

// A publication is a topic with the declaration that it belongs to.
type publication struct {
	*plan.Topic
	// name is the method's or the message's full name, and sub leads to the
	// topic in it.
	name string
	sub  []int32
	// service is the full name of the method's service; empty for a message.
	service string
	// message is the message's name in Go, which has no package.
	message string
}

// publications returns the planned topics of a file, including those that methods
// have from their messages.
func publications(f *plan.File) []publication {
	var out []publication
	for _, s := range f.Services {
		for _, m := range s.Methods {
			if m.Topic != nil {
				out = append(out, publication{m.Topic, m.FullName, plan.MethodTopic(), s.FullName, m.Input.GoName})
			}
		}
	}
	for _, m := range f.Messages {
		if m.Topic != nil {
			out = append(out, publication{m.Topic, m.FullName, plan.MessageTopic(), "", m.Ident.GoName})
		}
	}
	return out
}

// strict applies the rules that are not the generator's.
func (s *schema) strict() []Finding {
	var out []Finding
	byPackage := map[string][]publication{}
	for _, f := range s.files {
		all := publications(f)
		out = append(out, s.prefixes(all)...)
		for _, p := range all {
			out = append(out, s.placeholders(p)...)
		}
		if source := s.sources[f.Source]; source != nil { // Source may be quoted for one line, and then differs
			pkg := string(source.Desc.Package())
			byPackage[pkg] = append(byPackage[pkg], all...)
		}
		out = append(out, s.attempts(f)...)
	}
	for _, all := range byPackage {
		out = append(out, s.overlaps(all)...)
	}
	return out
}

func (s *schema) finding(rule, name string, sub []int32, format string, args ...any) Finding {
	return Finding{Rule: rule, Name: name, Message: fmt.Sprintf(format, args...), At: s.at(name, sub...)}
}

// prefixes finds topics that are prefixes of another method's topics in one
// service.
func (s *schema) prefixes(all []publication) []Finding {
	var out []Finding
	for _, short := range all {
		for _, long := range all {
			if short.name == long.name || short.service == "" || short.service != long.service {
				continue
			}
			a, b := pieces(short.Topic), pieces(long.Topic)
			if len(a) == 0 || len(b) == 0 {
				continue
			}
			if _, same := topic.Overlap(a, b); same {
				continue // found by another rule
			}
			if example, ok := topic.Prefix(a, b); ok {
				out = append(out, s.finding(ruleTopicPrefix, short.name, short.sub,
					"its topic can be %q, with which topics of %s begin: ZeroMQ matches by prefix, so its subscribers receive those, too, and programs without gozmq see them; end the template with other text, as in %q",
					example, long.name, text(short.Topic)+"/"))
			}
		}
	}
	return out
}

// overlaps finds topics of different services and messages that can be the same.
func (s *schema) overlaps(all []publication) []Finding {
	var out []Finding
	var patterns [][]topic.Segment
	for _, p := range all {
		patterns = append(patterns, pieces(p.Topic))
	}
	for _, o := range topic.Overlaps(patterns) {
		later, earlier := all[o.Later], all[o.Earlier]
		if later.service != "" && later.service == earlier.service || s.inherits(later, earlier) || s.inherits(earlier, later) {
			continue
		}
		out = append(out, s.finding(ruleTopicElsewhere, later.name, later.sub,
			"its topic and that of %s can be the same, as %q: where both have one endpoint, each one's subscribers get the other's messages; begin one of them with other text", earlier.name, o.Example))
	}
	return out
}

// inherits reports whether a is a method that has its topic from its message b.
func (s *schema) inherits(a, b publication) bool {
	n, ok := s.nodes[a.name]
	if !ok || a.service == "" || b.service != "" {
		return false
	}
	for _, service := range n.file.Services {
		for _, m := range service.Methods {
			if string(m.Desc.FullName()) == a.name {
				return string(m.Input.Desc.FullName()) == b.name
			}
		}
	}
	return false
}

// placeholders finds placeholders that a topic should not have.
func (s *schema) placeholders(p publication) []Finding {
	var out []Finding
	for _, segment := range p.Segments {
		switch {
		case segment.Kind == "Enum":
			out = append(out, s.finding(ruleTopicStable, p.name, p.sub,
				"{%s} puts the name of an enum's value into the topic, so renaming a value changes the topic; use a string or an integer, or never rename the values", segment.Path))
		case (segment.Kind == "String" || segment.Kind == "Int") && len(p.Traits) > 0:
			out = append(out, s.finding(ruleTopicBounded, p.name, p.sub,
				"the publisher keeps something for each topic, and {%s} has any number of values; see that they are few, or that WithTopicMemory has room for them, and turn the rule off here", segment.Path))
		}
	}
	return out
}

// attempts finds tasks that leave the number of their attempts to the default.
func (s *schema) attempts(f *plan.File) []Finding {
	const message = "a task that fails is attempted 20 times before it becomes a dead letter; write max_attempts for as often as it makes sense"
	var out []Finding
	for _, service := range f.Services {
		for _, m := range service.Methods {
			if m.Task.AtLeastOnce && m.Task.MaxAttempts == 0 {
				out = append(out, s.finding(ruleTaskAttempts, m.FullName, plan.MethodTask(), message))
			}
		}
	}
	for _, m := range f.Messages {
		if m.Task.AtLeastOnce && m.Task.MaxAttempts == 0 {
			out = append(out, s.finding(ruleTaskAttempts, m.FullName, plan.MessageTask(), message))
		}
	}
	return out
}

// pieces returns the topic's segments; none if its template has a fault.
func pieces(t *plan.Topic) []topic.Segment {
	var out []topic.Segment
	for _, s := range t.Segments {
		out = append(out, topic.Segment{Literal: s.Literal, Path: s.Path})
	}
	return out
}

// text returns the template of a topic in its author's form.
func text(t *plan.Topic) string {
	if t.Template != "" {
		return t.Template
	}
	var out strings.Builder
	for _, s := range t.Segments {
		if s.Path != "" {
			out.WriteString("{" + s.Path + "}")
		}
		out.WriteString(s.Literal)
	}
	return out.String()
}
