package render

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// A topicOf is a topic with its method or message.
type topicOf struct {
	*plan.Topic // nil: framing is bare
	// variable is the variable of the topic's table, and nameExpr the expression of
	// its name.
	variable, nameExpr string
	message            protogen.GoIdent
	// doc is the documentation of the method or the message, and methodDoc the part
	// that the views' methods repeat.
	doc, methodDoc plan.Doc
	// The names of the methods of a publisher and of a subscriber.
	publish, subscribe, subscription string
	// otherwise is the topic of an empty template.
	otherwise string
	// described is the expression of the descriptor of the service or message.
	described string
}

func methodTopic(m *plan.Method) topicOf {
	return topicOf{
		Topic: m.Topic, variable: m.Var, nameExpr: m.ProcedureConst, message: m.Input, doc: m.Doc, methodDoc: m.Doc,
		publish: m.Name, subscribe: m.Name, subscription: m.Subscription, otherwise: m.Procedure,
	}
}

func messageTopic(m *plan.Message) topicOf {
	return topicOf{
		Topic: m.Topic, variable: m.TopicVar, nameExpr: strconv.Quote(m.FullName), message: m.Ident,
		doc: m.Doc, methodDoc: plan.Doc{Deprecated: m.Deprecated},
		publish: "Publish", subscribe: "Subscribe", subscription: "Subscription",
	}
}

// filtered reports whether there is something to filter by.
func (t topicOf) filtered() bool { return t.Topic != nil && t.Filter != "" }

// under returns the phrase with the messages' topic.
func (t topicOf) under() string {
	switch {
	case t.Topic == nil:
		return ""
	case t.Template == "":
		return " under " + t.otherwise
	default:
		return " under " + t.Template
	}
}

// template returns the Go expression of a topic's template.
func (t topicOf) template() string {
	if t.Template == "" {
		return t.nameExpr
	}
	return strconv.Quote(t.Template)
}

// topics prints the declarations besides the publisher and the subscriber of
// topics.
func (p *printer) topics(topics []topicOf) {
	for _, t := range topics {
		if t.Topic == nil {
			p.P()
			p.P("var ", t.variable, " = ", impl("NewBareTopic"), "[", t.message, "](", t.nameExpr, ")")
			continue
		}
		p.filter(t)
		p.topic(t)
		p.parse(t)
		p.follow(t)
	}
}

// topic prints the table of a topic, and the function that returns a message's
// topic.
func (p *printer) topic(t topicOf) {
	p.P()
	p.deprecated(t.Func+" returns the topic of m.", t.doc)
	p.P("func ", t.Func, "(m ", p.pointer(t.message), ") string { return ", t.variable, ".Of(m) }")

	p.P()
	with := p.with(t.Topic)
	fields := p.fields(t)
	switch line := strings.Join(fields, ", "); {
	case len(fields) == 0:
		p.P("var ", t.variable, " = ", impl("NewTopic"), "[", t.message, "](", t.nameExpr, ", ", t.template(), ")", with)
	case len(line) <= 110:
		p.P("var ", t.variable, " = ", impl("NewTopic"), "(", t.nameExpr, ", ", t.template(), ",")
		p.P(line, ")", with)
	default:
		p.P("var ", t.variable, " = ", impl("NewTopic"), "(", t.nameExpr, ", ", t.template(), ",")
		for _, f := range fields {
			p.P(f, ",")
		}
		p.P(")", with)
	}
}

// fields writes the readers of a topic's fields, each once.
func (p *printer) fields(t topicOf) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range t.Segments {
		if s.Path != "" && !seen[s.Path] {
			seen[s.Path] = true
			out = append(out, p.imports.qualify(impl(s.Kind))+"("+p.getter(t, s)+")")
		}
	}
	return out
}

// getter writes a function that reads a field of a message.
func (p *printer) getter(t topicOf, s plan.Segment) string {
	message := p.pointer(t.message)
	if len(s.Getters) == 1 {
		return "(" + message + ")." + s.Getters[0]
	}
	i := slices.IndexFunc(t.Fields, func(f plan.FilterField) bool { return f.Path == s.Path })
	return "func(m " + message + ") " + p.imports.qualify(t.Fields[i].Type) + " { return m." + strings.Join(s.Getters, "().") + "() }"
}

// with writes the traits of a topic, if it has any.
func (p *printer) with(t *plan.Topic) string {
	var out []string
	for _, name := range t.Traits {
		out = append(out, p.imports.qualify(impl(name)))
	}
	if len(out) == 0 {
		return ""
	}
	return ".With(" + strings.Join(out, " | ") + ")"
}

// filter prints the filter of a topic, if it has one.
func (p *printer) filter(t topicOf) {
	if t.Filter == "" {
		return
	}
	p.P()
	p.deprecated(t.Filter+" selects messages by the fields of their topic. A field that is not set matches any value.", t.doc)
	p.P("type ", t.Filter, " struct {")
	var selects []string
	for _, f := range t.Fields {
		p.P(f.Name, " ", gozmq("Match"), "[", f.Type, "]")
		selects = append(selects, "f."+f.Name)
	}
	p.P("}")

	p.P()
	p.deprecated("TopicPattern returns the topics that f selects.", t.doc)
	p.P("func (f ", t.Filter, ") TopicPattern() ", gozmq("TopicPattern"), " {")
	p.P("return ", t.variable, ".Pattern(", strings.Join(selects, ", "), ")")
	p.P("}")
}

// parse prints the function that parses a topic, if it has fields.
func (p *printer) parse(t topicOf) {
	if t.Filter == "" {
		return
	}
	p.P()
	p.deprecated(t.FieldsType+" are the values of the fields in "+t.Template+".", t.doc)
	p.P("type ", t.FieldsType, " struct {")
	var to []string
	for _, f := range t.Fields {
		p.P(f.Name, " ", f.Type)
		to = append(to, "&f."+f.Name)
	}
	p.P("}")

	p.P()
	p.deprecated(t.Parse+" parses a topic that "+t.Func+" has returned.", t.doc)
	p.P("func ", t.Parse, "(topic string) (f ", t.FieldsType, ", err error) {")
	p.P("return ", impl("Parse"), "(", t.variable, ", topic, &f, ", strings.Join(to, ", "), ")")
	p.P("}")
}
