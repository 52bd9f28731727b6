package optionfield_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/internal/optionfield"
	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// The numbers are those of the descriptors.
func TestNumbers(t *testing.T) {
	for name, tt := range map[string]struct {
		message proto.Message
		field   protoreflect.Name
		number  protoreflect.FieldNumber
	}{
		"ServicePattern":    {(*annotations.ServiceOptions)(nil), "pattern", optionfield.ServicePattern},
		"ServiceFraming":    {(*annotations.ServiceOptions)(nil), "framing", optionfield.ServiceFraming},
		"ServiceDelivery":   {(*annotations.ServiceOptions)(nil), "delivery", optionfield.ServiceDelivery},
		"MethodTimeout":     {(*annotations.MethodOptions)(nil), "timeout", optionfield.MethodTimeout},
		"MethodRetry":       {(*annotations.MethodOptions)(nil), "retry", optionfield.MethodRetry},
		"MethodTopic":       {(*annotations.MethodOptions)(nil), "topic", optionfield.MethodTopic},
		"MethodTask":        {(*annotations.MethodOptions)(nil), "task", optionfield.MethodTask},
		"MessageTopic":      {(*annotations.MessageOptions)(nil), "topic", optionfield.MessageTopic},
		"MessageTask":       {(*annotations.MessageOptions)(nil), "task", optionfield.MessageTask},
		"RetryMaxAttempts":  {(*annotations.Retry)(nil), "max_attempts", optionfield.RetryMaxAttempts},
		"TopicTemplate":     {(*annotations.Topic)(nil), "template", optionfield.TopicTemplate},
		"TopicRetain":       {(*annotations.Topic)(nil), "retain", optionfield.TopicRetain},
		"TopicLatestOnly":   {(*annotations.Topic)(nil), "latest_only", optionfield.TopicLatestOnly},
		"TopicSequenced":    {(*annotations.Topic)(nil), "sequenced", optionfield.TopicSequenced},
		"TopicSnapshot":     {(*annotations.Topic)(nil), "snapshot", optionfield.TopicSnapshot},
		"TaskDelivery":      {(*annotations.Task)(nil), "delivery", optionfield.TaskDelivery},
		"TaskMaxAttempts":   {(*annotations.Task)(nil), "max_attempts", optionfield.TaskMaxAttempts},
		"TaskLease":         {(*annotations.Task)(nil), "lease", optionfield.TaskLease},
		"TaskBackoff":       {(*annotations.Task)(nil), "backoff", optionfield.TaskBackoff},
		"TaskLimit":         {(*annotations.Task)(nil), "limit", optionfield.TaskLimit},
		"TaskLimitPerKey":   {(*annotations.Task)(nil), "limit_per_key", optionfield.TaskLimitPerKey},
		"TaskRetain":        {(*annotations.Task)(nil), "retain", optionfield.TaskRetain},
		"BackoffInitial":    {(*annotations.Backoff)(nil), "initial", optionfield.BackoffInitial},
		"BackoffMax":        {(*annotations.Backoff)(nil), "max", optionfield.BackoffMax},
		"BackoffMultiplier": {(*annotations.Backoff)(nil), "multiplier", optionfield.BackoffMultiplier},
		"LimitRunning":      {(*annotations.TaskLimit)(nil), "running", optionfield.LimitRunning},
		"LimitEvery":        {(*annotations.TaskLimit)(nil), "every", optionfield.LimitEvery},
		"LimitBurst":        {(*annotations.TaskLimit)(nil), "burst", optionfield.LimitBurst},
	} {
		if got := tt.message.ProtoReflect().Descriptor().Fields().ByName(tt.field).Number(); got != tt.number {
			t.Errorf("%s is %d, want %d", name, tt.number, got)
		}
	}
	for _, x := range []protoreflect.ExtensionType{annotations.E_Service, annotations.E_Method, annotations.E_Message} {
		if got := x.TypeDescriptor().Number(); got != optionfield.Extension {
			t.Errorf("%s is %d, want %d", x.TypeDescriptor().FullName(), got, optionfield.Extension)
		}
	}
}
