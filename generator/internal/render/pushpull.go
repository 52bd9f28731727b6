package render

import (
	"github.com/gozmq/gozmq/generator/internal/plan"
)

// pushPull prints a PUSH/PULL service: a ventilator, a worker and, when tasks
// have results, a sink.
func (p *printer) pushPull(s *plan.Service) {
	p.ventilator(s)
	p.worker(s)
	p.unimplementedWorker(s)
	if s.PushPull.Sink != "" {
		p.sink(s)
	}
	p.methodVars(s)
}

func (p *printer) ventilator(s *plan.Service) {
	n := s.PushPull
	p.P()
	p.doc(n.Ventilator+" hands the tasks of "+s.FullName+" to the workers. It may be used concurrently.", s.Doc)
	p.wrapper(n.Ventilator, n.NewVentilator, "Ventilator", "NewVentilator", n.AtLeastOnce, s.Doc)
	purpose := " hands task to one worker. It waits while all of them are busy, until ctx ends."
	if n.AtLeastOnce {
		purpose = " hands task to one worker after the other until one has done it. It waits while the ventilator's queue is full, until ctx ends."
	}
	for _, m := range s.Methods {
		p.P()
		p.doc(m.Name+purpose, m.Doc)
		p.P("func (v *", n.Ventilator, ") ", m.Name, "(ctx ", contextContext, ", task ", p.pointer(m.Input), ") error {")
		p.P("return v.Ventilator.Push(ctx, &", m.Var, ", task)")
		p.P("}")
	}
}

func (p *printer) worker(s *plan.Service) {
	n := s.PushPull
	p.P()
	p.doc(n.Worker+" does the tasks of "+s.FullName+". Implementations embed "+n.Unimplemented+", so that methods can be added to the service. Methods are called concurrently if the worker runs so.", s.Doc)
	p.P("type ", n.Worker, " interface {")
	for _, m := range s.Methods {
		p.methodDoc(m, m.Name+" does one task of "+m.Procedure+".")
		p.P(m.Name, "(ctx ", contextContext, ", task ", p.pointer(m.Input), ") ", p.taskResult(m))
	}
	p.P(n.MustEmbed, "()")
	p.omitted(s)
	p.P("}")

	p.P()
	p.deprecated(n.RunWorker+" takes tasks and hands them to impl until ctx ends. The options say where tasks come from and where results go.", s.Doc)
	p.P("func ", n.RunWorker, "(ctx ", contextContext, ", impl ", n.Worker, ", opts ...", gozmq("WorkerOption"), ") error {")
	p.P("return ", gozmq("RunWorker"), "(ctx, ", s.NameConst, ", func() []", gozmq("TaskHandler"), " {")
	p.P("impl.", n.MustEmbed, "()")
	p.P("return []", gozmq("TaskHandler"), "{")
	for _, m := range s.Methods {
		handle := gozmq("HandleTask")
		if !m.HasOutput {
			handle = gozmq("HandleTaskOnly")
		}
		p.P(handle, "(&", m.Var, ", impl.", m.Name, "),")
	}
	p.P("}")
	p.P("}, opts...)")
	p.P("}")
}

// taskResult writes what a worker's method returns.
func (p *printer) taskResult(m *plan.Method) string {
	if !m.HasOutput {
		return "error"
	}
	return "(" + p.pointer(m.Output) + ", error)"
}

func (p *printer) unimplementedWorker(s *plan.Service) {
	n := s.PushPull
	p.P()
	p.deprecated(n.Unimplemented+" fails every task with UNIMPLEMENTED. Embed it by value.", s.Doc)
	p.P("type ", n.Unimplemented, " struct{}")
	for _, m := range s.Methods {
		p.P()
		p.deprecated(m.Name+" returns an error with the code UNIMPLEMENTED.", m.Doc)
		p.P("func (", n.Unimplemented, ") ", m.Name, "(", contextContext, ", ", p.pointer(m.Input), ") ", p.taskResult(m), " {")
		result := ""
		if m.HasOutput {
			result = "nil, "
		}
		p.P("return ", result, gozmq("Unimplemented"), "(&", m.Var, ")")
		p.P("}")
	}
	p.P()
	p.P("func (", n.Unimplemented, ") ", n.MustEmbed, "() {}")
}

func (p *printer) sink(s *plan.Service) {
	n := s.PushPull
	p.P()
	p.doc(n.Sink+" receives the results of "+s.FullName+". It may be used concurrently.", s.Doc)
	p.wrapper(n.Sink, n.NewSink, "Sink", "NewSink", n.AtLeastOnce, s.Doc)
	purpose := " receives results until ctx ends or the sink is closed. One that cannot be decoded is an error; the next may be good."
	if n.AtLeastOnce {
		purpose += " A result is acknowledged when the loop's body has come to its end; break and return leave it for the next loop."
	}
	for _, m := range s.Methods {
		if !m.HasOutput {
			continue
		}
		p.P()
		p.doc(m.Name+purpose, m.Doc)
		p.P("func (s *", n.Sink, ") ", m.Name, "(ctx ", contextContext, ") ", iterSeq2, "[", p.pointer(m.Output), ", error] {")
		p.P("return ", gozmq("Results"), "[", m.Output, "](ctx, s.Sink, &", m.Var, ")")
		p.P("}")
	}
}
