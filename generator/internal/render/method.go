package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// methodVars prints the variables that describe a service's methods to the
// runtime.
func (p *printer) methodVars(s *plan.Service) {
	for _, m := range s.Methods {
		p.P()
		p.P("var ", m.Var, " = ", gozmq("Method"), "{")
		p.P("Procedure: ", m.ProcedureConst, ",")
		p.call(m)
		p.task(m.Task)
		if m.Bare {
			p.P("Bare: true,")
		}
		if m.ClientStreams {
			p.P("ClientStreams: true,")
		}
		if m.ServerStreams {
			p.P("ServerStreams: true,")
		}
		p.P("}")
	}
}

// call prints the call options of a method, as fields of the runtime's Method.
func (p *printer) call(m *plan.Method) {
	if m.Idempotency != "" {
		p.P("Idempotency: ", gozmq(m.Idempotency), ",")
	}
	if m.Timeout > 0 {
		p.P("Timeout: ", p.duration(m.Timeout), ",")
	}
	if m.MaxAttempts > 0 {
		p.P("MaxAttempts: ", m.MaxAttempts, ",")
	}
}

// task prints the task options, as fields of the runtime's Method.
func (p *printer) task(t plan.Task) {
	if !t.AtLeastOnce {
		return
	}
	p.P("Delivery: ", gozmq("DeliveryAtLeastOnce"), ",")
	if t.MaxAttempts > 0 {
		p.P("MaxAttempts: ", t.MaxAttempts, ",")
	}
	if t.Lease > 0 {
		p.P("Lease: ", p.duration(t.Lease), ",")
	}
	if b := t.Backoff; b.Initial > 0 {
		p.P("Backoff: ", p.duration(b.Initial), ",")
		p.P("MaxBackoff: ", p.duration(b.Max), ",")
		if b.Multiplier > 0 {
			p.P("BackoffFactor: ", b.Multiplier, ",")
		}
	}
	p.limit("Limit", t.Limit)
	p.limit("KeyLimit", t.KeyLimit)
	if t.Retain > 0 {
		p.P("Retain: ", p.duration(t.Retain), ",")
	}
}

// limit prints a limit of tasks as a field of the runtime's Method.
func (p *printer) limit(field string, l plan.Limit) {
	if l == (plan.Limit{}) {
		return
	}
	var parts []string
	if l.Running > 0 {
		parts = append(parts, fmt.Sprint("Running: ", l.Running))
	}
	if l.Every > 0 {
		parts = append(parts, "Every: "+p.duration(l.Every))
	}
	if l.Burst > 0 {
		parts = append(parts, fmt.Sprint("Burst: ", l.Burst))
	}
	p.P(field, ": ", gozmq("TaskLimit"), "{", strings.Join(parts, ", "), "},")
}

// duration writes d with the largest unit that divides it.
func (p *printer) duration(d time.Duration) string {
	unit, name := time.Nanosecond, "Nanosecond"
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "Hour"}, {time.Minute, "Minute"}, {time.Second, "Second"}, {time.Millisecond, "Millisecond"}, {time.Microsecond, "Microsecond"}} {
		if d%u.unit == 0 {
			unit, name = u.unit, u.name
			break
		}
	}
	qualified := p.imports.qualify(timePackage.Ident(name))
	if d == unit {
		return qualified
	}
	return fmt.Sprintf("%d * %s", d/unit, qualified)
}

// pointer writes the Go type of a message's value.
func (p *printer) pointer(id protogen.GoIdent) string {
	return "*" + p.imports.qualify(id)
}

// descriptor writes the expression of a service's descriptor.
func (p *printer) descriptor(s *plan.Service) string {
	return p.imports.qualify(s.File) + ".Services().ByName(" + strconv.Quote(s.Name) + ")"
}

// messageDescriptor writes the expression of a message's descriptor.
func (p *printer) messageDescriptor(m *plan.Message) string {
	return "(" + p.pointer(m.Ident) + ")(nil).ProtoReflect().Descriptor()"
}

// view prints a type that is a typed view over one of the runtime's sockets: its
// interface, which methods prints, the function that makes it, and its struct.
// With check, the function checks the socket.
func (p *printer) view(v view, d plan.Doc, methods func()) {
	p.P()
	p.doc(v.purpose, d)
	p.P("type ", v.name, " interface {")
	methods()
	p.P("}")

	p.P()
	p.deprecated(v.newName+" returns a "+v.name+" over "+v.param+". It may be used concurrently."+v.fails, d)
	socket := "*" + p.imports.qualify(gozmq(v.socket))
	if v.check == nil {
		p.P("func ", v.newName, "(", v.param, " ", socket, ") ", v.name, " {")
		p.P(impl("Describe"), "(", v.param, ", ", v.described, ")")
		p.P("return &", v.structName, "{", v.param, ": ", v.param, "}")
	} else {
		p.P("func ", v.newName, "(", v.param, " ", socket, ") (", v.name, ", error) {")
		v.check()
		p.P(impl("Describe"), "(", v.param, ", ", v.described, ")")
		p.P("return &", v.structName, "{", v.param, ": ", v.param, "}, nil")
	}
	p.P("}")

	p.P()
	p.P("type ", v.structName, " struct {")
	p.P(v.param, " ", socket)
	p.P("}")
}

// A view has the names of a view and its socket.
type view struct {
	name, newName, structName string
	purpose                   string
	// socket is the runtime's type, and param the name of the parameter and the
	// field.
	socket, param string
	// check prints statements that return an error when the socket does not fit;
	// fails is the sentence about it in the constructor's comment.
	check func()
	fails string
	// described is the expression of the descriptor that is recorded at the socket.
	described string
}

// checks returns a function that prints the check of a socket for the variables of
// methods.
func (p *printer) checks(function, param string, variables ...string) func() {
	return func() {
		for _, v := range variables {
			p.P("if err := ", impl(function), "(", param, ", &", v, "); err != nil {")
			p.P("return nil, err")
			p.P("}")
		}
	}
}
