package gozmqops

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/internal/optionfield"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// describe describes a service, or a message that has a topic or is a task, by its
// annotations.
func describe(d protoreflect.Descriptor) Service {
	s := Service{Name: string(d.FullName()), Descriptor: d}
	switch d := d.(type) {
	case protoreflect.ServiceDescriptor:
		own := annotation(d)
		s.Bare = own.int(optionfield.ServiceFraming) == framingBare
		s.Pattern = pattern(own.int(optionfield.ServicePattern)).String()
		for i := range d.Methods().Len() {
			s.Methods = append(s.Methods, describeMethod(d.Methods().Get(i), own))
		}
	case protoreflect.MessageDescriptor:
		own := annotation(d)
		m := Method{Procedure: s.Name, Input: s.Name}
		if t := own.message(optionfield.MessageTopic); t != nil {
			s.Pattern = gozmq.PatternPubSub.String()
			m.topic(t, t.text(optionfield.TopicTemplate))
		}
		if t := own.message(optionfield.MessageTask); t != nil {
			s.Pattern = gozmq.PatternPushPull.String()
			m.task(t, t.int(optionfield.TaskDelivery))
		}
		s.Methods = []Method{m}
	}
	return s
}

func pattern(p int) gozmq.Pattern {
	switch p {
	case patternPubSub:
		return gozmq.PatternPubSub
	case patternPushPull:
		return gozmq.PatternPushPull
	default:
		return gozmq.PatternReqRep
	}
}

// describeMethod describes a method of a service with that annotation.
func describeMethod(d protoreflect.MethodDescriptor, s fields) Method {
	own := annotation(d)
	m := Method{
		Procedure: string(d.Parent().FullName()) + "/" + string(d.Name()),
		Input:     string(d.Input().FullName()), Output: string(d.Output().FullName()),
	}
	switch s.int(optionfield.ServicePattern) {
	case patternPubSub:
		m.Output = ""
		if s.int(optionfield.ServiceFraming) != framingBare {
			m.inherit(own.message(optionfield.MethodTopic), annotation(d.Input()).message(optionfield.MessageTopic))
		}
	case patternPushPull:
		if m.Output == "google.protobuf.Empty" {
			m.Output = ""
		}
		m.task(own.message(optionfield.MethodTask), s.int(optionfield.ServiceDelivery))
	default:
		level := descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
		if o, ok := d.Options().(*descriptorpb.MethodOptions); ok {
			level = o.GetIdempotencyLevel()
		}
		m.ClientStreams, m.ServerStreams = d.IsStreamingClient(), d.IsStreamingServer()
		m.Idempotent = level != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
		m.Timeout, m.MaxAttempts = own.duration(optionfield.MethodTimeout), own.message(optionfield.MethodRetry).int(optionfield.RetryMaxAttempts)
	}
	return m
}

// inherit sets the topic of a method: its own, otherwise its message's, otherwise
// its name. A topic without a template inherits only the message's template.
func (m *Method) inherit(own, inherited fields) {
	template := own.text(optionfield.TopicTemplate)
	bare := own != nil && !own.flag(optionfield.TopicRetain) && !own.flag(optionfield.TopicLatestOnly) && !own.flag(optionfield.TopicSequenced) && own.text(optionfield.TopicSnapshot) == ""
	if template == "" && !bare {
		template = inherited.text(optionfield.TopicTemplate)
	}
	if own == nil {
		own = inherited
	}
	m.topic(own, template)
}

func (m *Method) topic(t fields, template string) {
	if template == "" {
		template = m.Procedure
	}
	m.TopicTemplate, m.Retain, m.LatestOnly, m.Sequenced, m.Snapshot = template, t.flag(optionfield.TopicRetain), t.flag(optionfield.TopicLatestOnly), t.flag(optionfield.TopicSequenced), t.text(optionfield.TopicSnapshot)
}

func (m *Method) task(t fields, delivery int) {
	guarantee := gozmq.DeliveryAtMostOnce
	if delivery == deliveryAtLeastOnce {
		guarantee = gozmq.DeliveryAtLeastOnce
	}
	m.Delivery, m.Lease, m.MaxAttempts = guarantee.String(), t.duration(optionfield.TaskLease), t.int(optionfield.TaskMaxAttempts)
	b := t.message(optionfield.TaskBackoff)
	m.Backoff, m.MaxBackoff, m.BackoffFactor = b.duration(optionfield.BackoffInitial), b.duration(optionfield.BackoffMax), b.double(optionfield.BackoffMultiplier)
	m.Limit, m.KeyLimit = taskLimitOf(t.message(optionfield.TaskLimit)), taskLimitOf(t.message(optionfield.TaskLimitPerKey))
	m.RetainTask = t.duration(optionfield.TaskRetain)
}

func taskLimitOf(l fields) gozmq.TaskLimit {
	return gozmq.TaskLimit{Running: l.int(optionfield.LimitRunning), Every: l.duration(optionfield.LimitEvery), Burst: l.int(optionfield.LimitBurst)}
}
