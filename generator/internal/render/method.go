package render

import (
	"fmt"
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
		p.P("}")
	}
}

// call prints how a method is called, as fields of the runtime's Method.
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

// task prints how tasks are handed out, as fields of the runtime's Method.
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

// constructor prints a type that wraps one of the runtime's, and the function
// that makes it.
func (p *printer) constructor(name, newName, inner string, d plan.Doc) {
	p.wrapper(name, newName, inner, "New"+inner, false, d)
}

// wrapper is constructor for an end of a pipeline, which makeInner opens.
func (p *printer) wrapper(name, newName, inner, makeInner string, atLeastOnce bool, d plan.Doc) {
	p.P("type ", name, " struct {")
	p.P("*", gozmq(inner))
	p.P("}")
	p.P()
	p.deprecated(newName+" binds and connects where the options say. Close must be called.", d)
	p.P("func ", newName, "(opts ...", gozmq(inner+"Option"), ") (*", name, ", error) {")
	if atLeastOnce {
		p.P("inner, err := ", gozmq(makeInner), "(", gozmq("DeliveryAtLeastOnce"), ", ", gozmq(inner+"Options"), "(opts))")
	} else {
		p.P("inner, err := ", gozmq(makeInner), "(opts...)")
	}
	p.P("if err != nil {")
	p.P("return nil, err")
	p.P("}")
	p.P("return &", name, "{inner}, nil")
	p.P("}")
}
