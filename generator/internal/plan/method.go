package plan

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// methods plans the methods of s. reserved are names that the methods' types use
// for other purposes.
func (p *planner) methods(s *protogen.Service, out *Service, n namer, reserved ...string) {
	taken := map[string]*protogen.Method{}
	for _, name := range reserved {
		taken[name] = nil
	}
	goNames := map[string]bool{}
	for _, m := range s.Methods {
		goNames[m.GoName] = true
	}
	for _, m := range s.Methods {
		p.checkMethod(s, m)
		name, base := p.methodName(m, goNames, taken)
		out.Methods = append(out.Methods, p.method(s, m, n.method(m, base), name))
	}
}

// methodName chooses the Go name of m, and the base of longer names. goNames has
// protogen's names of all methods of the service. taken maps the names of earlier
// methods to them; an entry with nil is a name that embedding uses, and a method
// with that name gets a final underscore.
func (p *planner) methodName(m *protogen.Method, goNames map[string]bool, taken map[string]*protogen.Method) (name, base string) {
	for _, base = range candidates(m.GoName, goNames) {
		name = base
		if other, ok := taken[name]; ok && other == nil {
			name += "_"
		}
		if taken[name] == nil {
			taken[name] = m
			return name, base
		}
	}
	other := taken[name]
	p.report.fault(RuleGoName, m.Desc, m.Location, nil, "its Go name %s is already the name of %s; rename one of them", name, where(other.Desc, other.Location))
	return impossible(m.Desc), impossible(m.Desc)
}

// nameSubscriptions names the methods that open subscriptions, after all PUB/SUB
// methods, whose names take precedence.
func nameSubscriptions(methods []*Method) {
	taken := map[string]bool{}
	for _, m := range methods {
		taken[m.Name] = true
	}
	for _, m := range methods {
		name := strings.TrimRight(m.Name, "_") + "Subscription"
		for taken[name] {
			name += "_"
		}
		m.Subscription, taken[name] = name, true
	}
}

func (p *planner) method(s *protogen.Service, m *protogen.Method, n namer, name string) *Method {
	a := methodAnnotation(m)
	out := &Method{
		Doc:            p.doc(m.Comments, options[*methodOpts](m.Desc)),
		FullName:       string(m.Desc.FullName()),
		Name:           name,
		Procedure:      procedure(m),
		ProcedureConst: n.exported("", "Procedure"),
		Input:          m.Input.GoIdent,
		Output:         m.Output.GoIdent,
		ClientStreams:  m.Desc.IsStreamingClient(),
		ServerStreams:  m.Desc.IsStreamingServer(),
		HasOutput:      !isEmpty(m.Output),
		Bare:           bare(s),
		Timeout:        a.GetTimeout().AsDuration(),
		MaxAttempts:    a.GetRetry().GetMaxAttempts(),
	}
	switch pattern(s) {
	case annotations.Pattern_PATTERN_PUB_SUB:
		out.Var = n.unexported("Topic")
		if !out.Bare {
			out.Topic = p.methodTopic(m)
			n.topic(out.Topic)
		}
	case annotations.Pattern_PATTERN_PUSH_PULL:
		out.Var = n.unexported("Method")
		out.Task = taskPolicy(a.GetTask(), atLeastOnce(s), n)
		if out.Task.AtLeastOnce && out.HasOutput {
			out.Task.Result = n.exported("", "Result")
		}
	default:
		out.Var = n.unexported("Method")
		out.Idempotency = idempotency(m)
	}
	return out
}

func procedure(m *protogen.Method) string {
	return string(m.Parent.Desc.FullName()) + "/" + string(m.Desc.Name())
}

// idempotency returns the runtime's name of the method's level.
func idempotency(m *protogen.Method) string {
	switch options[*methodOpts](m.Desc).GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		return "IdempotencyNoSideEffects"
	case descriptorpb.MethodOptions_IDEMPOTENT:
		return "IdempotencyIdempotent"
	default:
		return ""
	}
}
