package render

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"

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
	purpose := " sends task to one worker. While every worker's queue is full, it waits until ctx ends."
	if n.AtLeastOnce {
		purpose = " queues task, which is delivered to workers until one has done it or it is given up. While the queue is full, the method waits until ctx ends."
	}
	signature := func(m *plan.Method) string {
		return fmt.Sprintf("%s(ctx %s, task %s) error", m.Name, p.imports.qualify(contextContext), p.pointer(m.Input))
	}
	v := view{
		name: n.Ventilator, newName: n.NewVentilator, structName: n.VentilatorStruct,
		purpose: n.Ventilator + " sends the tasks of " + s.FullName + " to workers.", socket: "Ventilator", param: "vent",
		check: func() {}, fails: fails("vent", n.AtLeastOnce, "gozmq.NewVentilator"), described: p.descriptor(s),
	}
	if len(s.Methods) > 0 {
		v.check = p.checks("CheckVentilator", "vent", pushed(s.Methods)...)
	}
	p.view(v, s.Doc, func() {
		for _, m := range s.Methods {
			p.doc(m.Name+purpose, m.Doc)
			p.P(signature(m))
		}
	})
	for _, m := range s.Methods {
		p.P()
		p.P("func (v *", n.VentilatorStruct, ") ", signature(m), " {")
		p.P("return ", impl("Push"), "(ctx, v.vent, &", m.Var, ", task)")
		p.P("}")
	}
	for _, m := range s.Methods {
		p.deadLetters(m.Task, m.Var, m.Procedure, m.Input, m.Doc)
		p.newTask(m.Task, m.Var, m.Procedure, m.Input, m.Doc)
		p.taskResultOf(m)
	}
}

// taskResultOf prints the function that returns the kept result of a task.
func (p *printer) taskResultOf(m *plan.Method) {
	name := m.Task.Result
	if name == "" {
		return
	}
	p.P()
	p.deprecated(name+" returns the result of the task of "+m.Procedure+" with that id, which was done and is kept (gozmq.PushOptions.Retain). Its error has the code NOT_FOUND if vent has no such task or no result of it, and FAILED_PRECONDITION if the task is not done yet.", m.Doc)
	p.P("func ", name, "(vent *", gozmq("Ventilator"), ", id string) (", p.pointer(m.Output), ", error) {")
	p.P("return ", impl("TaskResult"), "[", m.Output, "](vent, &", m.Var, ", id)")
	p.P("}")
}

// newTask prints the function that makes a task for a store. There is none where
// tasks are handed out once.
func (p *printer) newTask(t plan.Task, method, name string, task protogen.GoIdent, doc plan.Doc) {
	if !t.AtLeastOnce {
		return
	}
	p.P()
	p.deprecated(t.NewTask+" returns a task of "+name+" with the metadata of ctx, to be inserted into the store of a ventilator, as in a transaction (gozmqpostgres).", doc)
	p.P("func ", t.NewTask, "(ctx ", contextContext, ", task ", p.pointer(task), ") (", store("Task"), ", error) {")
	p.P("return ", impl("NewTask"), "(ctx, &", method, ", task)")
	p.P("}")
}

// deadLetters prints the option with which a program gets the dead letters of a
// method, or of a message. There is none for tasks with AtMostOnce.
func (p *printer) deadLetters(t plan.Task, method, name string, task protogen.GoIdent, doc plan.Doc) {
	if !t.AtLeastOnce {
		return
	}
	p.P()
	p.deprecated(t.OnDeadLetter+" is an option of gozmq.NewVentilator: f gets each task of "+name+" that is given up, as gozmq.WithDeadLetterHandler says. When f returns an error, it gets the task again later.", doc)
	p.P("func ", t.OnDeadLetter, "(f func(ctx ", contextContext, ", task ", p.pointer(task), ", letter ", gozmq("DeadLetter"), ") error) ", gozmq("VentilatorOption"), " {")
	p.P("return ", impl("OnDeadLetter"), "(&", method, ", f)")
	p.P("}")
}

func (p *printer) worker(s *plan.Service) {
	n := s.PushPull
	p.P()
	p.doc(n.Worker+" does the tasks of "+s.FullName+". Implementations embed "+n.Unimplemented+", so that methods can be added to the service. With gozmq.WithConcurrency, methods are called concurrently.", s.Doc)
	p.P("type ", n.Worker, " interface {")
	for _, m := range s.Methods {
		p.methodDoc(m, m.Name+" does one task of "+m.Procedure+".", "")
		p.P(m.Name, "(ctx ", contextContext, ", task ", p.pointer(m.Input), ") ", p.taskResult(m))
	}
	p.P(n.MustEmbed, "()")
	p.P("}")

	p.P()
	p.deprecated(n.NewWorker+" opens a worker that runs tasks with impl. The options gozmq.From and gozmq.To give its endpoints. Run or Close must be called.", s.Doc)
	p.P("func ", n.NewWorker, "(impl ", n.Worker, ", opts ...", gozmq("WorkerOption"), ") (*", gozmq("Worker"), ", error) {")
	p.P("w, err := ", impl("NewWorker"), "(", s.NameConst, ", func() []", impl("TaskHandler"), " {")
	p.P("impl.", n.MustEmbed, "()")
	p.P("return []", impl("TaskHandler"), "{")
	for _, m := range s.Methods {
		handle := impl("HandleTask")
		if !m.HasOutput {
			handle = impl("HandleTaskOnly")
		}
		p.P(handle, "(&", m.Var, ", impl.", m.Name, "),")
	}
	p.P("}")
	p.P("}, opts)")
	p.P("return ", impl("DescribeWorker"), "(w, err, ", p.descriptor(s), ")")
	p.P("}")

	p.P()
	p.deprecated(n.RunWorker+" opens a worker, runs it until ctx ends or a ventilator stops it, and closes it.", s.Doc)
	p.P("func ", n.RunWorker, "(ctx ", contextContext, ", impl ", n.Worker, ", opts ...", gozmq("WorkerOption"), ") error {")
	p.P("w, err := ", n.NewWorker, "(impl, opts...)")
	p.P("return ", impl("RunWorker"), "(ctx, w, err)")
	p.P("}")
}

// taskResult writes the results of a worker's method.
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
		p.P("return ", result, impl("Unimplemented"), "(&", m.Var, ")")
		p.P("}")
	}
	p.P()
	p.P("func (", n.Unimplemented, ") ", n.MustEmbed, "() {}")
}

func (p *printer) sink(s *plan.Service) {
	n := s.PushPull
	purpose := " yields results until ctx ends or the gozmq.Sink is closed. A result that cannot be decoded is yielded as an error, and iteration goes on."
	if n.AtLeastOnce {
		purpose += " A result is acknowledged when the body of the loop has ended normally; after break or return the next loop yields it again."
	}
	var methods []*plan.Method
	for _, m := range s.Methods {
		if m.HasOutput {
			methods = append(methods, m)
		}
	}
	signature := func(m *plan.Method) string {
		return fmt.Sprintf("%s(ctx %s) %s[%s, error]", m.Name, p.imports.qualify(contextContext), p.imports.qualify(iterSeq2), p.pointer(m.Output))
	}
	p.view(view{
		name: n.Sink, newName: n.NewSink, structName: n.SinkStruct,
		purpose: n.Sink + " receives the results of " + s.FullName + ".", socket: "Sink", param: "sink",
		check: p.checks("CheckSink", "sink", methods[0].Var), fails: fails("sink", n.AtLeastOnce, "gozmq.NewSink"), described: p.descriptor(s),
	}, s.Doc, func() {
		for _, m := range methods {
			p.doc(m.Name+purpose, m.Doc)
			p.P(signature(m))
		}
	})
	for _, m := range methods {
		p.P()
		p.P("func (s *", n.SinkStruct, ") ", signature(m), " {")
		p.P("return ", impl("Results"), "[", m.Output, "](ctx, s.sink, &", m.Var, ")")
		p.P("}")
	}
}

// pushed returns the variables of the methods that a ventilator must know: one
// method for the delivery, and all methods with a task policy.
func pushed(methods []*plan.Method) []string {
	list := []string{methods[0].Var}
	for _, m := range methods[1:] {
		if m.Task.Policy() {
			list = append(list, m.Var)
		}
	}
	return list
}
