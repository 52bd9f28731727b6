package render

import (
	"strconv"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// message prints what a message has without a service: a publisher and a
// subscriber, a pusher and a puller.
func (p *printer) message(m *plan.Message) {
	if m.Topic != nil {
		p.messageTopic(m)
	}
	if m.Pusher != "" {
		p.messageTask(m)
	}
}

func (p *printer) messageTopic(m *plan.Message) {
	p.P()
	p.doc(m.Publisher+" publishes "+m.FullName+". It may be used concurrently.", m.Doc)
	p.constructor(m.Publisher, m.NewPublisher, "Publisher", m.Doc)
	p.P()
	p.deprecated("Publish publishes msg under "+m.Topic.Template+".", m.Doc)
	p.publish(m.Publisher, "Publish", m.TopicVar, m.Ident)

	p.P()
	p.doc(m.Subscriber+" subscribes to "+m.FullName+". It may be used concurrently.", m.Doc)
	p.constructor(m.Subscriber, m.NewSubscriber, "Subscriber", m.Doc)
	p.P()
	p.deprecated(subscribePurpose("Subscribe", m.Topic), m.Doc)
	p.subscribe(m.Subscriber, "Subscribe", messageTopic(m))

	p.subscription(m.Subscriber, "Subscription", messageTopic(m))

	p.filter(m.Topic, m.Doc)
	p.topic(messageTopic(m))
	p.parse(messageTopic(m))
	p.follow(messageTopic(m), m.Subscriber)
}

func (p *printer) messageTask(m *plan.Message) {
	p.P()
	p.doc(m.Pusher+" hands each "+m.FullName+" to one puller. It may be used concurrently.", m.Doc)
	p.wrapper(m.Pusher, m.NewPusher, "Ventilator", "NewVentilator", m.Task.AtLeastOnce, m.Doc)
	p.P()
	push, pull := "Push hands task to one puller. It waits while all of them are busy, until ctx ends.", "Pull receives tasks until ctx ends or the puller is closed. One that cannot be decoded is an error; the next may be good."
	if m.Task.AtLeastOnce {
		push = "Push hands task to one puller after the other until one has done it. It waits while the pusher's queue is full, until ctx ends."
		pull += " A task is done when the loop's body has come to its end; break and return give it back."
	}
	p.deprecated(push, m.Doc)
	p.P("func (p *", m.Pusher, ") Push(ctx ", contextContext, ", task ", p.pointer(m.Ident), ") error {")
	p.P("return p.Ventilator.Push(ctx, &", m.TaskVar, ", task)")
	p.P("}")

	p.P()
	p.doc(m.Puller+" receives each "+m.FullName+" that a pusher hands to it. It may be used concurrently.", m.Doc)
	p.wrapper(m.Puller, m.NewPuller, "Sink", "NewPuller", m.Task.AtLeastOnce, m.Doc)
	p.P()
	p.deprecated(pull, m.Doc)
	p.P("func (p *", m.Puller, ") Pull(ctx ", contextContext, ") ", iterSeq2, "[", p.pointer(m.Ident), ", error] {")
	p.P("return ", gozmq("Results"), "[", m.Ident, "](ctx, p.Sink, &", m.TaskVar, ")")
	p.P("}")

	p.P()
	p.P("var ", m.TaskVar, " = ", gozmq("Method"), "{")
	p.P("Procedure: ", strconv.Quote(m.FullName), ",")
	p.task(m.Task)
	if !m.Task.AtLeastOnce {
		p.P("Bare: true,")
	}
	p.P("}")
}
