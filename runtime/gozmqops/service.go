package gozmqops

import (
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// A Service is a service that a role serves or is used for, or a message that has a
// topic or is a task.
type Service struct {
	Name    string // the full name
	Pattern string // "REQ/REP", "PUB/SUB" or "PUSH/PULL"
	Bare    bool   // its messages have no frame but the body
	Methods []Method
	// Descriptor describes the service or message; nil for a service that was
	// registered without one.
	Descriptor protoreflect.Descriptor `json:"-"`
}

// A Method is a method of a service: a call, a topic or a kind of task.
type Method struct {
	Procedure string // "package.Service/Method", or a message's full name
	Input     string // the full names of the messages
	Output    string // "" for a topic, and for a task without a result

	// For REQ/REP, as in gozmq.Method.
	ClientStreams bool          `json:",omitzero"`
	ServerStreams bool          `json:",omitzero"`
	Idempotent    bool          `json:",omitzero"` // a call may be made more than once
	Timeout       time.Duration `json:",omitzero"`

	// For PUB/SUB, as annotated.
	TopicTemplate string `json:",omitzero"` // "" where the framing is bare
	Retain        bool   `json:",omitzero"`
	LatestOnly    bool   `json:",omitzero"`
	Sequenced     bool   `json:",omitzero"`
	Snapshot      string `json:",omitzero"` // the procedure that returns the state behind the topic

	// For PUSH/PULL, as in gozmq.Method.
	Delivery string        `json:",omitzero"`
	Lease    time.Duration `json:",omitzero"` // 0: the default
	// As annotated; 0: the ventilator's.
	Backoff       time.Duration   `json:",omitzero"`
	MaxBackoff    time.Duration   `json:",omitzero"`
	BackoffFactor float64         `json:",omitzero"`
	Limit         gozmq.TaskLimit `json:",omitzero"`
	KeyLimit      gozmq.TaskLimit `json:",omitzero"`
	RetainTask    time.Duration   `json:",omitzero"` // how long a task is kept after it was done

	// For calls and tasks. 0: the default.
	MaxAttempts int `json:",omitzero"`
}

// services returns what a role serves or is used for, sorted by name.
func (g *Group) services(m member) []Service {
	var list []Service
	if srv, ok := m.role.(*gozmq.Server); ok {
		for _, s := range srv.Services() {
			list = append(list, g.served(s))
		}
		return list
	}
	if m.watched == nil {
		return nil
	}
	for _, d := range m.watched.Described() {
		list = append(list, g.described(d))
	}
	return list
}

// served describes a service of a server.
func (g *Group) served(s gozmqimpl.Service) Service {
	if s.Descriptor != nil {
		return g.described(s.Descriptor)
	}
	out := Service{Name: s.Name, Pattern: gozmq.PatternReqRep.String()}
	for _, h := range s.Handlers {
		m := h.Method
		out.Bare = m.Bare
		out.Methods = append(out.Methods, Method{
			Procedure: m.Procedure, Output: string(h.Output), ClientStreams: m.ClientStreams, ServerStreams: m.ServerStreams,
			Idempotent: m.Idempotency != gozmq.IdempotencyUnknown, Timeout: m.Timeout, MaxAttempts: m.MaxAttempts,
		})
	}
	return out
}

// described returns describe(d), which it remembers.
func (g *Group) described(d protoreflect.Descriptor) Service {
	if s, ok := g.known.Load(d); ok {
		return s.(Service)
	}
	s := describe(d)
	g.known.Store(d, s)
	return s
}
