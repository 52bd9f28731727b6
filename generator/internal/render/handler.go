package render

import (
	"github.com/gozmq/gozmq/generator/internal/plan"
)

// handler prints what receives all topics of a PUB/SUB service.
func (p *printer) handler(s *plan.Service) {
	n := s.PubSub
	p.P()
	p.doc(n.Handler+" receives the topics of "+s.FullName+", one message at a time, in the order of their arrival. Implementations embed "+n.Unimplemented+", so that topics can be added to the service.", s.Doc)
	p.P("type ", n.Handler, " interface {")
	for _, m := range s.Methods {
		p.methodDoc(m, m.Name+" receives one message of "+m.Procedure+".")
		p.P(m.Name, "(ctx ", contextContext, ", msg ", p.pointer(m.Input), ") error")
	}
	p.P(n.MustEmbed, "()")
	p.omitted(s)
	p.P("}")

	p.P()
	p.deprecated(n.Handle+" subscribes to all topics and hands their messages to impl until ctx ends or the subscriber is closed. What fails is reported (gozmq.WithTopicErrors) and does not end it. A topic that impl does not implement is given up when its first message has come.", s.Doc)
	p.P("func ", n.Handle, "(ctx ", contextContext, ", s *", n.Subscriber, ", impl ", n.Handler, ", opts ...", gozmq("TopicHandlerOption"), ") error {")
	p.P("return ", gozmq("HandleTopics"), "(ctx, s.Subscriber, ", s.NameConst, ", func() []", gozmq("TopicHandler"), " {")
	p.P("impl.", n.MustEmbed, "()")
	p.P("return []", gozmq("TopicHandler"), "{")
	for _, m := range s.Methods {
		p.P(gozmq("HandleTopic"), "(&", m.Var, ", ", p.all(methodTopic(m)), ", impl.", m.Name, "),")
	}
	p.P("}")
	p.P("}, opts)")
	p.P("}")
	p.unimplementedHandler(s)
}

func (p *printer) unimplementedHandler(s *plan.Service) {
	n := s.PubSub
	p.P()
	p.deprecated(n.Unimplemented+" gives every topic up. Embed it by value.", s.Doc)
	p.P("type ", n.Unimplemented, " struct{}")
	for _, m := range s.Methods {
		p.P()
		p.deprecated(m.Name+" gives the topic up, with an error that has the code UNIMPLEMENTED.", m.Doc)
		p.P("func (", n.Unimplemented, ") ", m.Name, "(", contextContext, ", ", p.pointer(m.Input), ") error {")
		p.P("return ", gozmq("UnimplementedTopic"), "(&", m.Var, ")")
		p.P("}")
	}
	p.P()
	p.P("func (", n.Unimplemented, ") ", n.MustEmbed, "() {}")
}

// all writes the filter that takes every message of a topic.
func (p *printer) all(t topicOf) string {
	switch {
	case t.Topic == nil:
		return p.imports.qualify(gozmq("TopicPattern")) + "{}"
	case t.Filter == "":
		return p.pattern(t)
	default:
		return t.Filter + "{}"
	}
}
