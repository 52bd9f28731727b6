package render

import (
	"strings"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// reqRep prints a REQ/REP service: a client and a server.
func (p *printer) reqRep(s *plan.Service) {
	p.client(s)
	p.server(s)
	p.unimplementedServer(s)
	p.methodVars(s)
}

func (p *printer) client(s *plan.Service) {
	n := s.ReqRep
	p.P()
	p.doc(n.Client+" calls "+s.FullName+".", s.Doc)
	p.P("type ", n.Client, " interface {")
	for _, m := range s.Methods {
		p.methodDoc(m, m.Name+" calls "+m.Procedure+".", clientRule(m))
		p.P(m.Name, p.clientSignature(m))
	}
	p.P("}")

	p.P()
	p.deprecated(n.NewClient+" returns a client that calls through caller. It may be used concurrently.", s.Doc)
	p.P("func ", n.NewClient, "(caller ", gozmq("Caller"), ") ", n.Client, " {")
	p.P("return &", n.ClientStruct, "{caller: caller}")
	p.P("}")

	p.P()
	p.P("type ", n.ClientStruct, " struct {")
	p.P("caller ", gozmq("Caller"))
	p.P("}")
	for _, m := range s.Methods {
		p.P()
		p.P("func (c *", n.ClientStruct, ") ", m.Name, p.clientSignature(m), " {")
		p.P("return ", p.clientCall(m))
		p.P("}")
	}
}

func (p *printer) server(s *plan.Service) {
	n := s.ReqRep
	p.P()
	p.doc(n.Server+" serves "+s.FullName+". Implementations embed "+n.Unimplemented+", so that methods can be added to the service. Methods are called concurrently.", s.Doc)
	p.P("type ", n.Server, " interface {")
	for _, m := range s.Methods {
		p.methodDoc(m, m.Name+" serves "+m.Procedure+".", serverRule(m))
		p.P(m.Name, p.serverSignature(m))
	}
	p.P(n.MustEmbed, "()")
	p.P("}")

	p.P()
	p.deprecated(n.Register+" serves impl through r. It fails when impl is nil, or embeds a nil pointer, and when r serves "+s.FullName+" already.", s.Doc)
	p.P("func ", n.Register, "(r ", gozmq("Registrar"), ", impl ", n.Server, ") error {")
	p.P("desc := ", p.descriptor(s))
	p.P("return ", impl("Register"), "(r, ", s.NameConst, ", desc, func() []", impl("Handler"), " {")
	p.P("impl.", n.MustEmbed, "()")
	p.P("return []", impl("Handler"), "{")
	for _, m := range s.Methods {
		p.P(impl("Handle"+kind(m)), "(&", m.Var, ", impl.", m.Name, "),")
	}
	p.P("}")
	p.P("})")
	p.P("}")
}

func (p *printer) unimplementedServer(s *plan.Service) {
	n := s.ReqRep
	p.P()
	p.deprecated(n.Unimplemented+" answers every method with UNIMPLEMENTED. Embed it by value.", s.Doc)
	p.P("type ", n.Unimplemented, " struct{}")
	for _, m := range s.Methods {
		p.P()
		p.deprecated(m.Name+" returns an error with the code UNIMPLEMENTED.", m.Doc)
		p.P("func (", n.Unimplemented, ") ", m.Name, p.unnamedSignature(m), " {")
		if m.ServerStreams {
			p.P("return ", impl("Unimplemented"), "(&", m.Var, ")")
		} else {
			p.P("return nil, ", impl("Unimplemented"), "(&", m.Var, ")")
		}
		p.P("}")
	}
	p.P()
	p.P("func (", n.Unimplemented, ") ", n.MustEmbed, "() {}")
}

// methodDoc prints the doc of a method within an interface: the comment of the
// .proto, or the purpose if there is none, and then the rule for its streams.
func (p *printer) methodDoc(m *plan.Method, purpose, rule string) {
	d := m.Doc
	switch {
	case len(commentLines(m.Comment)) == 0:
		purpose = strings.TrimRight(purpose+" "+rule, " ")
	case rule == "":
		purpose = ""
	default:
		purpose = ""
		d.Comment = strings.TrimRight(d.Comment, "\n") + "\n\n" + strings.Join(wrap(rule), "\n")
	}
	p.doc(purpose, d)
}
