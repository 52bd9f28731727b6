package render

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// pubSub prints a PUB/SUB service: a publisher and a subscriber.
func (p *printer) pubSub(s *plan.Service) {
	n := s.PubSub
	p.P()
	p.doc(n.Publisher+" publishes "+s.FullName+". It may be used concurrently.", s.Doc)
	p.constructor(n.Publisher, n.NewPublisher, "Publisher", s.Doc)
	for _, m := range s.Methods {
		p.P()
		p.doc(m.Name+" publishes msg"+under(m)+".", m.Doc)
		p.publish(n.Publisher, m.Name, m.Var, m.Input)
	}

	p.P()
	p.doc(n.Subscriber+" subscribes to "+s.FullName+". It may be used concurrently.", s.Doc)
	p.constructor(n.Subscriber, n.NewSubscriber, "Subscriber", s.Doc)
	for _, m := range s.Methods {
		p.P()
		p.doc(subscribePurpose(m.Name, m.Topic), m.Doc)
		p.subscribe(n.Subscriber, m.Name, methodTopic(m))
		p.subscription(n.Subscriber, m.Subscription, methodTopic(m))
	}
	p.handler(s)
	for _, m := range s.Methods {
		if m.Topic == nil {
			p.bareTopicVar(m)
			continue
		}
		p.filter(m.Topic, m.Doc)
		p.topic(methodTopic(m))
		p.parse(methodTopic(m))
		p.follow(methodTopic(m), n.Subscriber)
	}
}

// under says which topic a method publishes to.
func under(m *plan.Method) string {
	switch {
	case m.Topic == nil:
		return ""
	case m.Topic.Template == "":
		return " under " + m.Procedure
	default:
		return " under " + m.Topic.Template
	}
}

func (p *printer) publish(receiver, name, topicVar string, input protogen.GoIdent) {
	p.P("func (p *", receiver, ") ", name, "(ctx ", contextContext, ", msg ", p.pointer(input), ") error {")
	p.P("return ", gozmq("Publish"), "(ctx, p.Publisher, &", topicVar, ", msg)")
	p.P("}")
}

func subscribePurpose(name string, t *plan.Topic) string {
	purpose := name + " receives messages until ctx ends or the subscriber is closed. One that cannot be decoded is an error; the next may be good."
	if t != nil && slices.Contains(t.Traits, "Retained") {
		purpose += " First come the last messages of before."
	}
	if t != nil && slices.Contains(t.Traits, "LatestOnly") {
		purpose += " While it is not read, the newest message of each topic takes the place of those before it."
	}
	if t != nil && slices.Contains(t.Traits, "Sequenced") {
		purpose += " What was missed is an error as well: a gozmq.GapError or gozmq.PublisherRestartedError."
	}
	if t != nil && t.Filter != "" {
		purpose += " Without filters it receives all; with several, those that pass any of them."
	}
	return purpose
}

// subscribe prints a subscriber's method. Without a topic, framing is bare.
func (p *printer) subscribe(receiver, name string, t topicOf) {
	input := t.message
	result := fmt.Sprintf("%s[%s, error]", p.imports.qualify(iterSeq2), p.pointer(input))
	switch {
	case t.Topic == nil:
		p.P("func (s *", receiver, ") ", name, "(ctx ", contextContext, ") ", result, " {")
		p.P("return ", gozmq("SubscribeBare"), "[", input, "](ctx, s.Subscriber)")
	case t.Filter == "":
		p.P("func (s *", receiver, ") ", name, "(ctx ", contextContext, ") ", result, " {")
		p.P("return ", gozmq("Subscribe"), "[", input, "](ctx, s.Subscriber, []", gozmq("TopicPattern"), "{", p.pattern(t), "})")
	default:
		p.P("func (s *", receiver, ") ", name, "(ctx ", contextContext, ", filters ...", t.Filter, ") ", result, " {")
		p.P("return ", gozmq("Subscribe"), "[", input, "](ctx, s.Subscriber, filters)")
	}
	p.P("}")
}

// subscription prints what opens a subscription that one holds.
func (p *printer) subscription(receiver, name string, t topicOf) {
	filter := p.imports.qualify(gozmq("TopicPattern"))
	purpose := name + " opens a subscription that goes on until it is closed, also while nobody iterates."
	if t.Topic != nil && t.Filter != "" {
		filter = t.Filter
		purpose += " Filters can be added and removed; without any it begins with all messages."
	}
	result := fmt.Sprintf("(*%s[%s, %s], error)", p.imports.qualify(gozmq("Subscription")), p.pointer(t.message), filter)
	opts := "opts ..." + p.imports.qualify(gozmq("SubscriptionOption"))
	p.P()
	p.deprecated(purpose, t.doc)
	switch {
	case t.Topic == nil:
		p.P("func (s *", receiver, ") ", name, "(", opts, ") ", result, " {")
		p.P("return ", gozmq("OpenBareSubscription"), "[", t.message, "](s.Subscriber, opts)")
	case t.Filter == "":
		p.P("func (s *", receiver, ") ", name, "(", opts, ") ", result, " {")
		p.P("return ", gozmq("OpenSubscription"), "[", t.message, "](s.Subscriber, []", gozmq("TopicPattern"), "{", p.pattern(t), "}, opts)")
	default:
		p.P("func (s *", receiver, ") ", name, "(filters []", t.Filter, ", ", opts, ") ", result, " {")
		p.P("return ", gozmq("OpenSubscription"), "[", t.message, "](s.Subscriber, filters, opts)")
	}
	p.P("}")
}

func (p *printer) bareTopicVar(m *plan.Method) {
	p.P()
	p.P("var ", m.Var, " = ", gozmq("Topic"), "[", p.pointer(m.Input), "]{")
	p.P("Name: ", m.ProcedureConst, ",")
	p.P("Bare: true,")
	p.P("}")
}
