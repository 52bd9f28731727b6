package render

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// kind is the suffix of the runtime's names for a method with streams; "" without
// streams.
func kind(m *plan.Method) string {
	switch {
	case m.ClientStreams && m.ServerStreams:
		return "BidiStream"
	case m.ClientStreams:
		return "ClientStream"
	case m.ServerStreams:
		return "ServerStream"
	default:
		return ""
	}
}

// clientSignature writes the parameters and results of a client's method.
func (p *printer) clientSignature(m *plan.Method) string {
	params := "ctx " + p.imports.qualify(contextContext)
	if !m.ClientStreams {
		params += ", req " + p.pointer(m.Input)
	}
	return fmt.Sprintf("(%s, opts ...%s) %s", params, p.imports.qualify(gozmq("CallOption")), p.clientResults(m))
}

func (p *printer) clientResults(m *plan.Method) string {
	switch {
	case m.ClientStreams:
		return fmt.Sprintf("%s[%s, %s]", p.imports.qualify(gozmq(kind(m))), p.imports.qualify(m.Input), p.imports.qualify(m.Output))
	case m.ServerStreams:
		return p.messages(m.Output)
	default:
		return "(" + p.pointer(m.Output) + ", error)"
	}
}

// clientCall writes the call of the runtime that a client's method returns.
func (p *printer) clientCall(m *plan.Method) string {
	name := kind(m)
	if name == "" {
		name = "Call"
	}
	types, req := p.imports.qualify(m.Output), ", req"
	if m.ClientStreams {
		types, req = p.imports.qualify(m.Input)+", "+types, ""
	}
	return fmt.Sprintf("%s[%s](ctx, c.caller, &%s%s, opts...)", p.imports.qualify(impl(name)), types, m.Var, req)
}

// serverSignature writes the parameters and results of a server's method.
func (p *printer) serverSignature(m *plan.Method) string {
	return p.served(m, "ctx ", "req ", "in ", "out ")
}

// unnamedSignature is serverSignature for a method that ignores its parameters.
func (p *printer) unnamedSignature(m *plan.Method) string { return p.served(m, "", "", "", "") }

// served writes a server's method with those names, or none, for its parameters.
func (p *printer) served(m *plan.Method, ctx, req, in, out string) string {
	params := ctx + p.imports.qualify(contextContext)
	if m.ClientStreams {
		params += ", " + in + p.messages(m.Input)
	} else {
		params += ", " + req + p.pointer(m.Input)
	}
	if m.ServerStreams {
		return fmt.Sprintf("(%s, %s%s[%s]) error", params, out, p.imports.qualify(gozmq("Sender")), p.imports.qualify(m.Output))
	}
	return fmt.Sprintf("(%s) (%s, error)", params, p.pointer(m.Output))
}

// messages writes the type of an iterator over messages.
func (p *printer) messages(id protogen.GoIdent) string {
	return fmt.Sprintf("%s[%s, error]", p.imports.qualify(iterSeq2), p.pointer(id))
}

// clientRule returns the sentence on how the streams of a client's method end.
func clientRule(m *plan.Method) string {
	switch kind(m) {
	case "ServerStream":
		return "Each loop over the result makes a call, and leaving the loop early cancels it. An error is the last element."
	case "ClientStream":
		return "The call ends with CloseAndReceive, or when ctx ends."
	case "BidiStream":
		return "The call ends with the loop over Receive, or when ctx ends."
	default:
		return ""
	}
}

// serverRule returns the sentence on how the streams of a server's method end.
func serverRule(m *plan.Method) string {
	const in = " in ends when the client has ended its messages; an error is its last element. Returning earlier drops the rest."
	switch kind(m) {
	case "ServerStream":
		return "The client's loop ends when " + m.Name + " returns, with its error if there is one."
	case "ClientStream":
		return "The client gets its reply when " + m.Name + " returns." + in
	case "BidiStream":
		return "The client's loop ends when " + m.Name + " returns, with its error if there is one." + in
	default:
		return ""
	}
}
