package plan

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/gozmq/gozmq/internal/optionfield"
	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// A planner plans one file.
type planner struct {
	scope  *scope
	source *protogen.File
	opts   Options
	report *report
	index  *index
}

func (p *planner) file() *File {
	p.scope.enter(p.source)
	file := &File{
		Source:     oneLine(p.source.Desc.Path()),
		Deprecated: p.source.Proto.GetOptions().GetDeprecated(),
	}
	for _, s := range p.source.Services {
		if planned := p.service(s); planned != nil {
			file.Services = append(file.Services, planned)
		}
	}
	for _, m := range allMessages(p.source.Messages) {
		if planned := p.message(m); planned != nil {
			file.Messages = append(file.Messages, planned)
		}
	}
	return file
}

// oneLine returns a path as it may stand in a comment: quoted if it has
// characters that do not print.
func oneLine(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	return path
}

// allMessages lists messages and those nested in them, in the file's order.
func allMessages(messages []*protogen.Message) []*protogen.Message {
	var out []*protogen.Message
	for _, m := range messages {
		out = append(append(out, m), allMessages(m.Messages)...)
	}
	return out
}

// doc returns the comment of a declaration, and why not to use it.
func (p *planner) doc(comments protogen.CommentSet, opts interface{ GetDeprecated() bool }) Doc {
	d := Doc{Comment: string(comments.Leading)}
	switch {
	case p.source.Proto.GetOptions().GetDeprecated():
		d.Deprecated = fmt.Sprintf("The file %s is marked as deprecated.", p.source.Desc.Path())
	case opts.GetDeprecated():
		d.Deprecated = fmt.Sprintf("Marked as deprecated in %s.", p.source.Desc.Path())
	}
	return d
}

// message plans the message's own annotation; nil if it has none.
func (p *planner) message(m *protogen.Message) *Message {
	a := messageAnnotation(m)
	if a == nil {
		return nil
	}
	if a.GetTopic() == nil && a.GetTask() == nil {
		p.report.fault(RuleMeaning, m.Desc, m.Location, inMessage(), "the annotation asks for nothing; give it a topic or a task, or remove it")
		return nil
	}
	from := origin{m.Desc, m.Location, p.source.Generate}
	n := namer{p.scope, from, []string{p.scope.messageBase(from, m.GoIdent.GoName)}}
	out := &Message{
		Doc:      p.doc(m.Comments, options[*messageOpts](m.Desc)),
		FullName: string(m.Desc.FullName()),
		Ident:    m.GoIdent,
	}
	if t := a.GetTopic(); t != nil {
		out.Topic = p.topic(place{m.Desc, m.Location, inMessage(optionfield.MessageTopic)}, m, t)
		n.topic(out.Topic)
		out.TopicVar = n.unexported("Topic")
		out.Publisher, out.NewPublisher = n.exported("", "Publisher"), n.exported("New", "Publisher")
		out.Subscriber, out.NewSubscriber = n.exported("", "Subscriber"), n.exported("New", "Subscriber")
		out.PublisherStruct, out.SubscriberStruct = n.unexported("Publisher"), n.unexported("Subscriber")
	}
	if t := a.GetTask(); t != nil {
		sure := t.GetDelivery() == annotations.Delivery_DELIVERY_AT_LEAST_ONCE
		p.checkTask(place{m.Desc, m.Location, inMessage(optionfield.MessageTask)}, t, sure, "delivery: DELIVERY_AT_LEAST_ONCE")
		out.Task = taskPolicy(t, sure, n)
		out.TaskVar = n.unexported("Task")
		out.Pusher, out.NewPusher = n.exported("", "Pusher"), n.exported("New", "Pusher")
		out.Puller, out.NewPuller = n.exported("", "Puller"), n.exported("New", "Puller")
		out.PusherStruct, out.PullerStruct = n.unexported("Pusher"), n.unexported("Puller")
	}
	return out
}
