package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// A topicOf is a topic with what it is the topic of.
type topicOf struct {
	*plan.Topic
	// variable describes the topic to the runtime, under the name that the
	// expression nameExpr has.
	variable, nameExpr string
	message            protogen.GoIdent
	doc                plan.Doc
}

func methodTopic(m *plan.Method) topicOf {
	return topicOf{m.Topic, m.Var, m.ProcedureConst, m.Input, m.Doc}
}

func messageTopic(m *plan.Message) topicOf {
	return topicOf{m.Topic, m.TopicVar, strconv.Quote(m.FullName), m.Ident, m.Doc}
}

// literal returns the Go expression of a topic without placeholders.
func (t topicOf) literal() string {
	if t.Template == "" {
		return t.nameExpr
	}
	return strconv.Quote(t.Template)
}

// topic prints how a message's topic is made.
func (p *printer) topic(t topicOf) {
	p.P()
	p.deprecated(t.Func+" returns the topic that m is published under.", t.doc)
	if t.Filter == "" {
		p.P("func ", t.Func, "(", p.pointer(t.message), ") string {")
		p.P("return ", t.literal())
	} else {
		p.P("func ", t.Func, "(m ", p.pointer(t.message), ") string {")
		p.P("return string(", t.Append, "(nil, m))")
	}
	p.P("}")

	p.P()
	p.P("var ", t.variable, " = ", gozmq("Topic"), "[", p.pointer(t.message), "]{")
	p.P("Name: ", t.nameExpr, ",")
	p.P("Append: ", t.Append, ",")
	if len(t.Traits) > 0 {
		p.P("Traits: ", p.traits(t.Topic), ",")
	}
	p.P("}")

	p.P()
	if t.Filter == "" {
		p.P("func ", t.Append, "(b []byte, _ ", p.pointer(t.message), ") []byte {")
		p.P("return append(b, ", t.literal(), "...)")
	} else {
		p.P("func ", t.Append, "(b []byte, m ", p.pointer(t.message), ") []byte {")
		p.appendSegments(t.Segments)
	}
	p.P("}")
}

func (p *printer) appendSegments(segments []plan.Segment) {
	for i, s := range segments {
		assign := "b = "
		if i == len(segments)-1 {
			assign = "return "
		}
		if s.Path == "" {
			p.P(assign, "append(b, ", strconv.Quote(s.Literal), "...)")
			continue
		}
		p.P(assign, gozmq("Append"+s.Kind), "(b, m", s.Getter, ", ", delimiter(s.Delimiter), ")")
	}
}

// filter prints the filter of a topic, if it has one.
func (p *printer) filter(t *plan.Topic, d plan.Doc) {
	if t.Filter == "" {
		return
	}
	p.P()
	p.deprecated(t.Filter+" selects messages by the fields in their topic, "+t.Template+". A field that is not set selects all.", d)
	p.P("type ", t.Filter, " struct {")
	for _, f := range t.Fields {
		p.P("// ", f.Name, " selects by the field ", f.Path, ".")
		p.P(f.Name, " ", gozmq("Match"), "[", f.Type, "]")
	}
	p.P("}")

	p.P()
	p.deprecated("TopicPattern returns the topics that f selects.", d)
	p.P("func (f ", t.Filter, ") TopicPattern() ", gozmq("TopicPattern"), " {")
	p.P("var p ", gozmq("TopicPattern"))
	for _, s := range t.Segments {
		if s.Path == "" {
			p.P("p.Literal(", strconv.Quote(s.Literal), ")")
			continue
		}
		p.P(gozmq("Match"+s.Kind), "(&p, f.", s.Field, ", ", delimiter(s.Delimiter), ")")
	}
	p.P("return p", p.marked(t))
	p.P("}")
}

// pattern writes the pattern of a topic without placeholders.
func (p *printer) pattern(t topicOf) string {
	return p.imports.qualify(gozmq("LiteralTopic")) + "(" + t.literal() + ")" + p.marked(t.Topic)
}

// parse prints what takes a topic apart, if it has fields.
func (p *printer) parse(t topicOf) {
	if t.Filter == "" {
		return
	}
	p.P()
	p.deprecated(t.FieldsType+" are the fields in a topic, "+t.Template+".", t.doc)
	p.P("type ", t.FieldsType, " struct {")
	for _, f := range t.Fields {
		p.P("// ", f.Name, " is the field ", f.Path, ".")
		p.P(f.Name, " ", f.Type)
	}
	p.P("}")

	p.P()
	p.deprecated(t.Parse+" is the reverse of "+t.Func+". A topic that it does not build is an error.", t.doc)
	p.P("func ", t.Parse, "(topic string) (", t.FieldsType, ", error) {")
	p.P("var f ", t.FieldsType)
	p.P("p := ", gozmq("ParseTopic"), "(topic)")
	seen := map[string]bool{}
	for _, s := range t.Segments {
		switch {
		case s.Path == "":
			p.P("p.Literal(", strconv.Quote(s.Literal), ")")
		case seen[s.Path]:
			p.P("p.Literal(string(", gozmq("Append"+s.Kind), "(nil, f.", s.Field, ", ", delimiter(s.Delimiter), ")))")
		default:
			p.P(gozmq("Parse"+s.Kind), "(&p, &f.", s.Field, ", ", delimiter(s.Delimiter), ")")
		}
		seen[s.Path] = true
	}
	p.P("if err := p.End(); err != nil {")
	p.P("return ", t.FieldsType, "{}, err")
	p.P("}")
	p.P("return f, nil")
	p.P("}")
}

// marked says of a pattern what a subscriber does about its topics.
func (p *printer) marked(t *plan.Topic) string {
	if slices.Contains(t.Traits, "LatestOnly") {
		return ".Marked(" + p.imports.qualify(gozmq("LatestOnly")) + ")"
	}
	return ""
}

// traits writes the value of a topic's traits.
func (p *printer) traits(t *plan.Topic) string {
	var out []string
	for _, name := range t.Traits {
		out = append(out, p.imports.qualify(gozmq(name)))
	}
	return strings.Join(out, " | ")
}

// delimiter writes a byte as Go does: as a character if it can be seen.
func delimiter(b byte) string {
	if b > ' ' && b < 0x7f {
		return strconv.QuoteRune(rune(b))
	}
	if b == 0 {
		return "0"
	}
	return fmt.Sprintf("0x%02x", b)
}
