package render

import (
	"fmt"
	"strconv"
)

// follow prints the function that joins a topic with the state behind it, if it
// has one.
func (p *printer) follow(t topicOf) {
	s := t.Snapshot
	if s == nil {
		return
	}
	p.P()
	p.deprecated(s.Follow+" follows a state: it yields the reply of "+s.Method.Procedure+" to req, then each later message of the topic, and a new reply whenever messages were missed or a publisher was restarted. It makes the calls through caller, for example a gozmq.Conn.", t.doc)
	follow, params, filters := "FollowAll", "", ""
	if t.filtered() {
		follow, params, filters = "FollowState", ", filters ..."+t.Filter, ", filters"
	}
	change := fmt.Sprintf("%s[%s, %s]", p.imports.qualify(gozmq("Change")), p.pointer(s.Method.Output), p.pointer(t.message))
	p.P("func ", s.Follow, "(ctx ", contextContext, ", sub *", gozmq("Subscriber"), ", caller ", gozmq("Caller"), ", req ", p.pointer(s.Method.Input), params, ") ", iterSeq2, "[", change, ", error] {")
	p.P(impl("Describe"), "(sub, ", t.described, ")")
	p.P("return ", impl(follow), "[", s.Method.Output, "](ctx, sub, ", t.variable, ", caller, &", s.Var, ", req", filters, ")")
	p.P("}")

	p.P()
	p.P("var ", s.Var, " = ", gozmq("Method"), "{")
	p.P("Procedure: ", strconv.Quote(s.Method.Procedure), ",")
	p.call(&s.Method)
	p.P("}")
}
