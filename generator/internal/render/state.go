package render

import (
	"fmt"
	"strconv"
)

// follow prints the function that joins a topic with the state behind it, if it
// has one.
func (p *printer) follow(t topicOf, subscriber string) {
	s := t.Snapshot
	if s == nil {
		return
	}
	p.P()
	p.deprecated(s.Follow+" follows a state: it yields the reply of "+s.Method.Procedure+" to req, then each message of the topic that changes it, and a new reply whenever messages were missed or a publisher was restarted. caller makes the calls, as a gozmq.Conn does.", t.doc)
	params := ""
	if t.Filter != "" {
		params = ", filters ..." + t.Filter
	}
	change := fmt.Sprintf("%s[%s, %s]", p.imports.qualify(gozmq("Change")), p.pointer(s.Method.Output), p.pointer(t.message))
	p.P("func ", s.Follow, "(ctx ", contextContext, ", s *", subscriber, ", caller ", gozmq("Caller"), ", req ", p.pointer(s.Method.Input), params, ") ", iterSeq2, "[", change, ", error] {")
	filters := "filters"
	if t.Filter == "" {
		filters = "[]" + p.imports.qualify(gozmq("TopicPattern")) + "{" + p.pattern(t) + "}"
	}
	p.P("return ", gozmq("FollowState"), "[", s.Method.Output, ", ", t.message, "](ctx, s.Subscriber, caller, &", s.Var, ", req, ", filters, ")")
	p.P("}")

	p.P()
	p.P("var ", s.Var, " = ", gozmq("Method"), "{")
	p.P("Procedure: ", strconv.Quote(s.Method.Procedure), ",")
	p.call(&s.Method)
	p.P("}")
}
