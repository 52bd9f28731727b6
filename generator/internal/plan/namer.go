package plan

import (
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
)

// A namer makes the names of one service, method or message. Each is its base with
// a prefix or a suffix.
type namer struct {
	scope *scope
	from  origin
	base  []string
}

// method returns the namer of a method of n's service.
func (n namer) method(m *protogen.Method, name string) namer {
	return namer{n.scope, origin{m.Desc, m.Location, n.from.generate}, append(slices.Clone(n.base), name)}
}

func (n namer) exported(before, after string) string {
	return n.scope.exported(n.from, n.parts(before, after)...)
}

func (n namer) unexported(after string) string {
	return n.scope.unexported(n.from, n.parts("", after)...)
}

func (n namer) parts(before, after string) []string {
	var parts []string
	if before != "" {
		parts = append(parts, before)
	}
	return append(append(parts, n.base...), after)
}

func (n namer) reqRep() *ReqRep {
	out := &ReqRep{
		Client:        n.exported("", "Client"),
		NewClient:     n.exported("New", "Client"),
		ClientStruct:  n.unexported("Client"),
		Server:        n.exported("", "Server"),
		Unimplemented: n.exported("Unimplemented", "Server"),
		Register:      n.exported("Register", "Server"),
	}
	out.MustEmbed = "mustEmbed" + out.Unimplemented
	return out
}

func (n namer) pubSub(bare bool) *PubSub {
	out := &PubSub{
		Bare:          bare,
		Publisher:     n.exported("", "Publisher"),
		NewPublisher:  n.exported("New", "Publisher"),
		Subscriber:    n.exported("", "Subscriber"),
		NewSubscriber: n.exported("New", "Subscriber"),
		Handler:       n.exported("", "Handler"),
		Unimplemented: n.exported("Unimplemented", "Handler"),
		Handle:        n.exported("Handle", ""),

		PublisherStruct:  n.unexported("Publisher"),
		SubscriberStruct: n.unexported("Subscriber"),
	}
	out.MustEmbed = "mustEmbed" + out.Unimplemented
	return out
}

func (n namer) pushPull(sink bool) *PushPull {
	out := &PushPull{
		Ventilator:    n.exported("", "Ventilator"),
		NewVentilator: n.exported("New", "Ventilator"),
		Worker:        n.exported("", "Worker"),
		Unimplemented: n.exported("Unimplemented", "Worker"),
		NewWorker:     n.exported("New", "Worker"),
		RunWorker:     n.exported("Run", "Worker"),

		VentilatorStruct: n.unexported("Ventilator"),
	}
	out.MustEmbed = "mustEmbed" + out.Unimplemented
	if sink {
		out.Sink, out.NewSink = n.exported("", "Sink"), n.exported("New", "Sink")
		out.SinkStruct = n.unexported("Sink")
	}
	return out
}

// topic chooses the names of the declarations for t.
func (n namer) topic(t *Topic) {
	t.Func = n.exported("", "Topic")
	if len(t.Fields) > 0 {
		t.Filter = n.exported("", "Filter")
		t.FieldsType = n.exported("", "Fields")
		t.Parse = n.exported("Parse", "Topic")
	}
	if t.Snapshot != nil {
		t.Snapshot.Follow = n.exported("Follow", "")
		t.Snapshot.Var = n.unexported("Snapshot")
	}
}
