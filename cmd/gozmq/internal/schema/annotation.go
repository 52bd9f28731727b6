package schema

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func serviceOptions(d protoreflect.ServiceDescriptor) *annotations.ServiceOptions {
	o, _ := proto.GetExtension(d.Options(), annotations.E_Service).(*annotations.ServiceOptions)
	return o
}

func methodOptions(d protoreflect.MethodDescriptor) *annotations.MethodOptions {
	o, _ := proto.GetExtension(d.Options(), annotations.E_Method).(*annotations.MethodOptions)
	return o
}

func messageOptions(d protoreflect.MessageDescriptor) *annotations.MessageOptions {
	o, _ := proto.GetExtension(d.Options(), annotations.E_Message).(*annotations.MessageOptions)
	return o
}

func patternOf(p annotations.Pattern) gozmq.Pattern {
	switch p {
	case annotations.Pattern_PATTERN_PUB_SUB:
		return gozmq.PatternPubSub
	case annotations.Pattern_PATTERN_PUSH_PULL:
		return gozmq.PatternPushPull
	default:
		return gozmq.PatternReqRep
	}
}

func deliveryOf(d annotations.Delivery) gozmq.Delivery {
	if d == annotations.Delivery_DELIVERY_AT_LEAST_ONCE {
		return gozmq.DeliveryAtLeastOnce
	}
	return gozmq.DeliveryAtMostOnce
}

// newService reads a service as the generator does.
func newService(d protoreflect.ServiceDescriptor) *Service {
	o := serviceOptions(d)
	svc := &Service{
		Name: string(d.FullName()), Desc: d, Pattern: patternOf(o.GetPattern()),
		Bare: o.GetFraming() == annotations.Framing_FRAMING_BARE, Delivery: deliveryOf(o.GetDelivery()),
	}
	methods := d.Methods()
	for i := range methods.Len() {
		svc.Methods = append(svc.Methods, newMethod(svc, methods.Get(i)))
	}
	return svc
}

func newMethod(svc *Service, d protoreflect.MethodDescriptor) *Method {
	o := methodOptions(d)
	m := &Method{
		Service: svc, Pattern: svc.Pattern, Input: d.Input(), Output: d.Output(), Comment: comment(d),
		Method: gozmq.Method{
			Procedure: svc.Name + "/" + string(d.Name()), Bare: svc.Bare,
			Timeout: o.GetTimeout().AsDuration(), MaxAttempts: int(o.GetRetry().GetMaxAttempts()),
			ClientStreams: d.IsStreamingClient(), ServerStreams: d.IsStreamingServer(),
		},
	}
	switch svc.Pattern {
	case gozmq.PatternPubSub:
		if !svc.Bare {
			m.Topic = methodTopic(m.Procedure, d, o.GetTopic())
			m.TopicTemplate = m.Topic.Template
		}
	case gozmq.PatternPushPull:
		m.Delivery, m.Result = svc.Delivery, d.Output().FullName() != "google.protobuf.Empty"
		if t := o.GetTask(); svc.Delivery == gozmq.DeliveryAtLeastOnce {
			setTask(&m.Method, t)
		}
	default:
		m.Idempotency = idempotency(d)
	}
	return m
}

func idempotency(d protoreflect.MethodDescriptor) gozmq.Idempotency {
	o, _ := d.Options().(*descriptorpb.MethodOptions)
	return gozmq.Idempotency(o.GetIdempotencyLevel())
}

func comment(d protoreflect.Descriptor) string {
	lines := strings.Split(strings.TrimSpace(d.ParentFile().SourceLocations().ByDescriptor(d).LeadingComments), "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// messageMethods returns the topic and the task that a message is without a
// service.
func messageMethods(d protoreflect.MessageDescriptor) (list []*Method) {
	o := messageOptions(d)
	name := string(d.FullName())
	if t := o.GetTopic(); t != nil {
		topic := newTopic(name, d, t)
		list = append(list, &Method{
			Pattern: gozmq.PatternPubSub, Input: d, Topic: topic, Comment: comment(d),
			Method: gozmq.Method{Procedure: name, TopicTemplate: topic.Template},
		})
	}
	if t := o.GetTask(); t != nil {
		m := &Method{Pattern: gozmq.PatternPushPull, Input: d, Comment: comment(d), Method: gozmq.Method{Procedure: name, Delivery: deliveryOf(t.GetDelivery())}}
		if m.Delivery == gozmq.DeliveryAtLeastOnce {
			setTask(&m.Method, t)
		}
		list = append(list, m)
	}
	return list
}

// setTask sets how the tasks of a method are delivered.
func setTask(m *gozmq.Method, t *annotations.Task) {
	m.MaxAttempts, m.Lease = int(t.GetMaxAttempts()), t.GetLease().AsDuration()
	b := t.GetBackoff()
	m.Backoff, m.MaxBackoff, m.BackoffFactor = b.GetInitial().AsDuration(), b.GetMax().AsDuration(), b.GetMultiplier()
	m.Limit, m.KeyLimit = taskLimit(t.GetLimit()), taskLimit(t.GetLimitPerKey())
	m.Retain = t.GetRetain().AsDuration()
}

func taskLimit(l *annotations.TaskLimit) gozmq.TaskLimit {
	return gozmq.TaskLimit{Running: int(l.GetRunning()), Every: l.GetEvery().AsDuration(), Burst: int(l.GetBurst())}
}
