package gozmqops

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// describe describes a service, or a message that has a topic or is a task, by its
// annotations.
func describe(d protoreflect.Descriptor) Service {
	s := Service{Name: string(d.FullName()), Descriptor: d}
	switch d := d.(type) {
	case protoreflect.ServiceDescriptor:
		own := annotation[*annotations.ServiceOptions](d, annotations.E_Service)
		s.Bare = own.GetFraming() == annotations.Framing_FRAMING_BARE
		s.Pattern = pattern(own.GetPattern()).String()
		for i := range d.Methods().Len() {
			s.Methods = append(s.Methods, describeMethod(d.Methods().Get(i), own))
		}
	case protoreflect.MessageDescriptor:
		own := annotation[*annotations.MessageOptions](d, annotations.E_Message)
		m := Method{Procedure: s.Name, Input: s.Name}
		if t := own.GetTopic(); t != nil {
			s.Pattern = gozmq.PatternPubSub.String()
			m.topic(t, t.GetTemplate())
		}
		if t := own.GetTask(); t != nil {
			s.Pattern = gozmq.PatternPushPull.String()
			m.task(t, t.GetDelivery())
		}
		s.Methods = []Method{m}
	}
	return s
}

func pattern(p annotations.Pattern) gozmq.Pattern {
	switch p {
	case annotations.Pattern_PATTERN_PUB_SUB:
		return gozmq.PatternPubSub
	case annotations.Pattern_PATTERN_PUSH_PULL:
		return gozmq.PatternPushPull
	default:
		return gozmq.PatternReqRep
	}
}

// describeMethod describes a method of a service with that annotation.
func describeMethod(d protoreflect.MethodDescriptor, s *annotations.ServiceOptions) Method {
	own := annotation[*annotations.MethodOptions](d, annotations.E_Method)
	m := Method{
		Procedure: string(d.Parent().FullName()) + "/" + string(d.Name()),
		Input:     string(d.Input().FullName()), Output: string(d.Output().FullName()),
	}
	switch s.GetPattern() {
	case annotations.Pattern_PATTERN_PUB_SUB:
		m.Output = ""
		if s.GetFraming() != annotations.Framing_FRAMING_BARE {
			m.inherit(own.GetTopic(), annotation[*annotations.MessageOptions](d.Input(), annotations.E_Message).GetTopic())
		}
	case annotations.Pattern_PATTERN_PUSH_PULL:
		if m.Output == "google.protobuf.Empty" {
			m.Output = ""
		}
		m.task(own.GetTask(), s.GetDelivery())
	default:
		level := descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
		if o, ok := d.Options().(*descriptorpb.MethodOptions); ok {
			level = o.GetIdempotencyLevel()
		}
		m.ClientStreams, m.ServerStreams = d.IsStreamingClient(), d.IsStreamingServer()
		m.Idempotent = level != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
		m.Timeout, m.MaxAttempts = own.GetTimeout().AsDuration(), int(own.GetRetry().GetMaxAttempts())
	}
	return m
}

// inherit sets the topic of a method: its own, else that of its message, else its
// name. One without a template takes only its template from the message.
func (m *Method) inherit(own, inherited *annotations.Topic) {
	template := own.GetTemplate()
	if bare := own != nil && !own.GetRetain() && !own.GetLatestOnly() && !own.GetSequenced() && own.GetSnapshot() == ""; template == "" && !bare {
		template = inherited.GetTemplate()
	}
	if template == "" {
		template = m.Procedure
	}
	if own == nil {
		own = inherited
	}
	m.topic(own, template)
}

func (m *Method) topic(t *annotations.Topic, template string) {
	if template == "" {
		template = m.Procedure
	}
	m.TopicTemplate, m.Retain, m.LatestOnly, m.Sequenced, m.Snapshot = template, t.GetRetain(), t.GetLatestOnly(), t.GetSequenced(), t.GetSnapshot()
}

func (m *Method) task(t *annotations.Task, d annotations.Delivery) {
	delivery := gozmq.DeliveryAtMostOnce
	if d == annotations.Delivery_DELIVERY_AT_LEAST_ONCE {
		delivery = gozmq.DeliveryAtLeastOnce
	}
	m.Delivery, m.Lease, m.MaxAttempts = delivery.String(), t.GetLease().AsDuration(), int(t.GetMaxAttempts())
}

// annotation returns the annotation of d, or none. The program may have decoded
// the options without knowing it, so they are decoded again.
func annotation[T proto.Message](d protoreflect.Descriptor, xt protoreflect.ExtensionType) T {
	var none T
	opts := d.Options()
	if opts == nil {
		return none
	}
	raw, err := proto.Marshal(opts)
	if err != nil || len(raw) == 0 {
		return none
	}
	again := xt.TypeDescriptor().ContainingMessage()
	known := newOptions(again.FullName())
	if known == nil || (proto.UnmarshalOptions{Resolver: annotations.Types(), AllowPartial: true}).Unmarshal(raw, known) != nil || !proto.HasExtension(known, xt) {
		return none
	}
	value, _ := proto.GetExtension(known, xt).(T)
	return value
}

// newOptions returns an empty message of options.
func newOptions(name protoreflect.FullName) proto.Message {
	switch name {
	case "google.protobuf.ServiceOptions":
		return new(descriptorpb.ServiceOptions)
	case "google.protobuf.MethodOptions":
		return new(descriptorpb.MethodOptions)
	case "google.protobuf.MessageOptions":
		return new(descriptorpb.MessageOptions)
	}
	return nil
}
