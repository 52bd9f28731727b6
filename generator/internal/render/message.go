package render

import (
	"fmt"
	"strconv"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// message prints the types of a message with its own annotation: a publisher and a
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
	t := messageTopic(m)
	t.described = p.messageDescriptor(m)
	topics := []topicOf{t}
	p.publisher(view{
		name: m.Publisher, newName: m.NewPublisher, structName: m.PublisherStruct,
		purpose: m.Publisher + " publishes " + m.FullName + ".", described: t.described,
	}, m.Doc, topics)
	p.subscriber(view{
		name: m.Subscriber, newName: m.NewSubscriber, structName: m.SubscriberStruct,
		purpose: m.Subscriber + " receives " + m.FullName + ".", described: t.described,
	}, m.Doc, topics)
	p.topics(topics)
}

func (p *printer) messageTask(m *plan.Message) {
	p.messagePusher(m)
	p.deadLetters(m.Task, m.TaskVar, m.FullName, m.Ident, m.Doc)
	p.newTask(m.Task, m.TaskVar, m.FullName, m.Ident, m.Doc)
	p.messagePuller(m)

	p.P()
	p.P("var ", m.TaskVar, " = ", gozmq("Method"), "{")
	p.P("Procedure: ", strconv.Quote(m.FullName), ",")
	p.task(m.Task)
	if !m.Task.AtLeastOnce {
		p.P("Bare: true,")
	}
	p.P("}")
}

func (p *printer) messagePusher(m *plan.Message) {
	push := "Push sends task to one puller. While every puller's queue is full, it waits until ctx ends."
	if m.Task.AtLeastOnce {
		push = "Push queues task, which is delivered to pullers until one has done it or it is given up. While the queue is full, Push waits until ctx ends."
	}
	signature := fmt.Sprintf("Push(ctx %s, task %s) error", p.imports.qualify(contextContext), p.pointer(m.Ident))
	p.view(view{
		name: m.Pusher, newName: m.NewPusher, structName: m.PusherStruct,
		purpose: m.Pusher + " sends each " + m.FullName + " to a puller.", socket: "Ventilator", param: "vent",
		check: p.checks("CheckVentilator", "vent", m.TaskVar), fails: fails("vent", m.Task.AtLeastOnce, "gozmq.NewVentilator"), described: p.messageDescriptor(m),
	}, m.Doc, func() {
		p.deprecated(push, m.Doc)
		p.P(signature)
	})
	p.P()
	p.P("func (p *", m.PusherStruct, ") ", signature, " {")
	p.P("return ", impl("Push"), "(ctx, p.vent, &", m.TaskVar, ", task)")
	p.P("}")
}

func (p *printer) messagePuller(m *plan.Message) {
	pull := "Pull yields tasks until ctx ends or the gozmq.Sink is closed. A task that cannot be decoded is yielded as an error, and iteration goes on."
	if m.Task.AtLeastOnce {
		pull += " A task is done when the body of the loop has ended normally; after break or return the next loop yields it again."
	}
	signature := fmt.Sprintf("Pull(ctx %s) %s[%s, error]", p.imports.qualify(contextContext), p.imports.qualify(iterSeq2), p.pointer(m.Ident))
	p.view(view{
		name: m.Puller, newName: m.NewPuller, structName: m.PullerStruct,
		purpose: m.Puller + " receives " + m.FullName + " from pushers.", socket: "Sink", param: "sink",
		check: p.checks("CheckPuller", "sink", m.TaskVar), fails: fails("sink", m.Task.AtLeastOnce, "gozmq.NewPuller"), described: p.messageDescriptor(m),
	}, m.Doc, func() {
		p.deprecated(pull, m.Doc)
		p.P(signature)
	})
	p.P()
	p.P("func (p *", m.PullerStruct, ") ", signature, " {")
	p.P("return ", impl("Results"), "[", m.Ident, "](ctx, p.sink, &", m.TaskVar, ")")
	p.P("}")
}

// fails returns the sentence on when a view over an end of a pipeline cannot be
// made.
func fails(param string, atLeastOnce bool, opened string) string {
	if atLeastOnce {
		return " It fails unless " + param + " was opened by " + opened + " with gozmq.DeliveryAtLeastOnce."
	}
	return " It fails when " + param + " was opened with gozmq.DeliveryAtLeastOnce."
}
