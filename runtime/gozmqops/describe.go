package gozmqops

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// describe describes a service, or a message that has a topic or is a task, by its
// annotations.
func describe(d protoreflect.Descriptor) Service {
	s := Service{Name: string(d.FullName()), Descriptor: d}
	switch d := d.(type) {
	case protoreflect.ServiceDescriptor:
		own := annotation(d)
		s.Bare = own.int(serviceFraming) == framingBare
		s.Pattern = pattern(own.int(servicePattern)).String()
		for i := range d.Methods().Len() {
			s.Methods = append(s.Methods, describeMethod(d.Methods().Get(i), own))
		}
	case protoreflect.MessageDescriptor:
		own := annotation(d)
		m := Method{Procedure: s.Name, Input: s.Name}
		if t := own.message(messageTopic); t != nil {
			s.Pattern = gozmq.PatternPubSub.String()
			m.topic(t, t.text(topicTemplate))
		}
		if t := own.message(messageTask); t != nil {
			s.Pattern = gozmq.PatternPushPull.String()
			m.task(t, t.int(taskDelivery))
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
	switch s.int(servicePattern) {
	case patternPubSub:
		m.Output = ""
		if s.int(serviceFraming) != framingBare {
			m.inherit(own.message(methodTopic), annotation(d.Input()).message(messageTopic))
		}
	case patternPushPull:
		if m.Output == "google.protobuf.Empty" {
			m.Output = ""
		}
		m.task(own.message(methodTask), s.int(serviceDelivery))
	default:
		level := descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
		if o, ok := d.Options().(*descriptorpb.MethodOptions); ok {
			level = o.GetIdempotencyLevel()
		}
		m.ClientStreams, m.ServerStreams = d.IsStreamingClient(), d.IsStreamingServer()
		m.Idempotent = level != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
		m.Timeout, m.MaxAttempts = own.duration(methodTimeout), own.message(methodRetry).int(retryMaxAttempts)
	}
	return m
}

// inherit sets the topic of a method: its own, else that of its message, else its
// name. One without a template takes only its template from the message.
func (m *Method) inherit(own, inherited fields) {
	template := own.text(topicTemplate)
	bare := own != nil && !own.flag(topicRetain) && !own.flag(topicLatestOnly) && !own.flag(topicSequenced) && own.text(topicSnapshot) == ""
	if template == "" && !bare {
		template = inherited.text(topicTemplate)
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
	m.TopicTemplate, m.Retain, m.LatestOnly, m.Sequenced, m.Snapshot = template, t.flag(topicRetain), t.flag(topicLatestOnly), t.flag(topicSequenced), t.text(topicSnapshot)
}

func (m *Method) task(t fields, delivery int) {
	guarantee := gozmq.DeliveryAtMostOnce
	if delivery == deliveryAtLeastOnce {
		guarantee = gozmq.DeliveryAtLeastOnce
	}
	m.Delivery, m.Lease, m.MaxAttempts = guarantee.String(), t.duration(taskLease), t.int(taskMaxAttempts)
	b := t.message(taskBackoff)
	m.Backoff, m.MaxBackoff, m.BackoffFactor = b.duration(backoffInitial), b.duration(backoffMax), b.double(backoffMultiplier)
	m.Limit, m.KeyLimit = taskLimitOf(t.message(taskLimit)), taskLimitOf(t.message(taskLimitPerKey))
}

func taskLimitOf(l fields) gozmq.TaskLimit {
	return gozmq.TaskLimit{Running: l.int(limitRunning), Every: l.duration(limitEvery), Burst: l.int(limitBurst)}
}
