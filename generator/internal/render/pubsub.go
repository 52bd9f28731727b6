package render

import (
	"fmt"
	"slices"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// pubSub prints a PUB/SUB service: a publisher, a subscriber and a handler.
func (p *printer) pubSub(s *plan.Service) {
	n := s.PubSub
	var topics []topicOf
	for _, m := range s.Methods {
		t := methodTopic(m)
		t.described = p.descriptor(s)
		topics = append(topics, t)
	}
	p.publisher(view{
		name: n.Publisher, newName: n.NewPublisher, structName: n.PublisherStruct,
		purpose: n.Publisher + " publishes the topics of " + s.FullName + ".", described: p.descriptor(s),
	}, s.Doc, topics)
	p.subscriber(view{
		name: n.Subscriber, newName: n.NewSubscriber, structName: n.SubscriberStruct,
		purpose: n.Subscriber + " receives the topics of " + s.FullName + ".", described: p.descriptor(s),
	}, s.Doc, topics)
	p.handler(s)
	p.topics(topics)
}

// publisher prints the publisher of topics.
func (p *printer) publisher(v view, d plan.Doc, topics []topicOf) {
	v.socket, v.param = "Publisher", "pub"
	signature := func(t topicOf) string {
		return fmt.Sprintf("%s(ctx %s, msg %s) error", t.publish, p.imports.qualify(contextContext), p.pointer(t.message))
	}
	p.view(v, d, func() {
		for _, t := range topics {
			p.doc(t.publish+" publishes msg"+t.under()+".", t.methodDoc)
			p.P(signature(t))
		}
	})
	for _, t := range topics {
		p.P()
		p.P("func (p *", v.structName, ") ", signature(t), " {")
		p.P("return ", impl("Publish"), "(ctx, p.pub, ", t.variable, ", msg)")
		p.P("}")
	}
}

// subscriber prints the subscriber of topics.
func (p *printer) subscriber(v view, d plan.Doc, topics []topicOf) {
	v.socket, v.param = "Subscriber", "sub"
	v.purpose += " An iterator subscribes when its loop begins, and unsubscribes when the loop ends. It ends when ctx ends or the gozmq.Subscriber is closed. A message that cannot be decoded is yielded as an error, and iteration goes on."
	v.purpose += " The Subscription methods open subscriptions, which receive until they are closed, also while nobody iterates."
	if slices.ContainsFunc(topics, topicOf.filtered) {
		v.purpose += " Without filters an iterator yields all messages of its topic; with several, it yields those that pass any of them."
	}
	p.view(v, d, func() {
		for _, t := range topics {
			p.doc(t.subscribe+" yields the messages"+t.under()+"."+promises(t.Topic), t.methodDoc)
			p.P(p.subscribe(t))
			p.notice(t.methodDoc)
			p.P(p.subscription(t))
		}
	})
	for _, t := range topics {
		subscribe, open, filters := "SubscribeAll", "OpenAll", ""
		if t.filtered() {
			subscribe, open, filters = "Subscribe", "Open", ", filters"
		}
		p.P()
		p.P("func (s *", v.structName, ") ", p.subscribe(t), " {")
		p.P("return ", impl(subscribe), "(ctx, s.sub, ", t.variable, filters, ")")
		p.P("}")
		p.P()
		p.P("func (s *", v.structName, ") ", p.subscription(t), " {")
		p.P("return ", impl(open), "(s.sub, ", t.variable, filters, ", opts)")
		p.P("}")
	}
}

// promises describes what a topic's traits mean for an iteration.
func promises(t *plan.Topic) string {
	var out string
	if t == nil {
		return out
	}
	if slices.Contains(t.Traits, "Retained") {
		out += " It first yields the last message of each topic."
	}
	if slices.Contains(t.Traits, "LatestOnly") {
		out += " While the loop is busy, a newer message of a topic replaces the older one."
	}
	if slices.Contains(t.Traits, "Sequenced") {
		out += " Missed messages are yielded as errors: a gozmq.GapError or a gozmq.PublisherRestartedError."
	}
	return out
}

// subscribe writes the signature of a subscriber's method.
func (p *printer) subscribe(t topicOf) string {
	filters := ""
	if t.filtered() {
		filters = ", filters ..." + t.Filter
	}
	return fmt.Sprintf("%s(ctx %s%s) %s[%s, error]", t.subscribe, p.imports.qualify(contextContext), filters, p.imports.qualify(iterSeq2), p.pointer(t.message))
}

// subscription writes the signature of the method that opens a subscription.
func (p *printer) subscription(t topicOf) string {
	filters, filter := "", p.imports.qualify(gozmq("TopicPattern"))
	if t.filtered() {
		filters, filter = "filters []"+t.Filter+", ", t.Filter
	}
	return fmt.Sprintf("%s(%sopts ...%s) (%s[%s, %s], error)", t.subscription, filters,
		p.imports.qualify(gozmq("SubscriptionOption")), p.imports.qualify(gozmq("Subscription")), p.pointer(t.message), filter)
}
