package render

import (
	"github.com/gozmq/gozmq/generator/internal/plan"
)

// handler prints the handler of all topics of a PUB/SUB service.
func (p *printer) handler(s *plan.Service) {
	n := s.PubSub
	p.P()
	p.doc(n.Handler+" handles the messages of the topics of "+s.FullName+", one at a time, in the order of their arrival. Implementations embed "+n.Unimplemented+", so that topics can be added to the service.", s.Doc)
	p.P("type ", n.Handler, " interface {")
	for _, m := range s.Methods {
		p.doc("", m.Doc)
		p.P(m.Name, "(ctx ", contextContext, ", msg ", p.pointer(m.Input), ") error")
	}
	p.P(n.MustEmbed, "()")
	p.P("}")

	p.P()
	p.deprecated(n.Handle+" subscribes to all topics and passes their messages to impl until ctx ends or sub is closed. It reports a message that cannot be decoded, and an error or panic of impl, to gozmq.WithTopicErrorHandler, and goes on. When impl does not implement a topic, the subscription to it ends with its first message.", s.Doc)
	p.P("func ", n.Handle, "(ctx ", contextContext, ", sub *", gozmq("Subscriber"), ", impl ", n.Handler, ", opts ...", gozmq("TopicHandlerOption"), ") error {")
	p.P(impl("Describe"), "(sub, ", p.descriptor(s), ")")
	p.P("return ", impl("HandleTopics"), "(ctx, sub, ", s.NameConst, ", func() []", impl("TopicHandler"), " {")
	p.P("impl.", n.MustEmbed, "()")
	p.P("return []", impl("TopicHandler"), "{")
	for _, m := range s.Methods {
		p.P(impl("HandleTopic"), "(", m.Var, ", impl.", m.Name, "),")
	}
	p.P("}")
	p.P("}, opts)")
	p.P("}")
	p.unimplementedHandler(s)
}

// unimplementedHandler prints the type that implementations embed.
func (p *printer) unimplementedHandler(s *plan.Service) {
	n := s.PubSub
	p.P()
	p.deprecated(n.Unimplemented+" handles no topic: its methods return an error with the code UNIMPLEMENTED, which ends the subscription. Embed it by value.", s.Doc)
	p.P("type ", n.Unimplemented, " struct{}")
	p.P()
	for _, m := range s.Methods {
		p.P("func (", n.Unimplemented, ") ", m.Name, "(", contextContext, ", ", p.pointer(m.Input), ") error {")
		p.P("return ", impl("UnimplementedTopic"), "(", m.Var, ")")
		p.P("}")
		p.P()
	}
	p.P("func (", n.Unimplemented, ") ", n.MustEmbed, "() {}")
}
