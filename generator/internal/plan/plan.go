// Package plan turns descriptors and their annotations into a checked plan of
// the files to print. Every rule is applied and every name is chosen here, so
// that printing reads no descriptor.
package plan

import (
	"time"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A File is one file to print.
type File struct {
	// Source is the path of the .proto.
	Source string
	// Deprecated says that the whole .proto is.
	Deprecated bool
	// Filename is the path of the file to print.
	Filename string
	// Package is the name of its Go package.
	Package protogen.GoPackageName
	// ImportPath is the import path of that package.
	ImportPath protogen.GoImportPath
	// Contains is the protobuf package that the Go package's comment names. Empty:
	// another file has the comment, or the code is in the messages' package.
	Contains string
	// Services and Messages are in the order of the .proto.
	Services []*Service
	Messages []*Message
	// Identifiers are all known package-level names of the Go package. No import
	// may have one of them.
	Identifiers map[string]bool
	// PackageNames has the names of the Go packages that messages live in.
	PackageNames map[protogen.GoImportPath]protogen.GoPackageName
}

// imports returns the import paths of the messages, enums and service descriptors
// that f uses.
func (f *File) imports() map[protogen.GoImportPath]bool {
	out := map[protogen.GoImportPath]bool{}
	add := func(ids ...protogen.GoIdent) {
		for _, id := range ids {
			if id.GoImportPath != "" {
				out[id.GoImportPath] = true
			}
		}
	}
	for _, s := range f.Services {
		add(s.File)
		for _, m := range s.Methods {
			add(m.Input)
			if s.ReqRep != nil || s.PushPull != nil && m.HasOutput {
				add(m.Output)
			}
			add(m.Topic.idents()...)
		}
	}
	for _, m := range f.Messages {
		add(m.Ident)
		add(m.Topic.idents()...)
	}
	return out
}

// idents returns what the code for t names; nil is a valid t.
func (t *Topic) idents() []protogen.GoIdent {
	if t == nil {
		return nil
	}
	var out []protogen.GoIdent
	for _, f := range t.Fields {
		out = append(out, f.Type)
	}
	if t.Snapshot != nil {
		out = append(out, t.Snapshot.Method.Input, t.Snapshot.Method.Output)
	}
	return out
}

// A Doc is the documentation of a declaration.
type Doc struct {
	// Comment is the comment in front of it, one line per line, or empty.
	Comment string
	// Deprecated is the sentence that says why not to use it, or empty.
	Deprecated string
}

// A Service is one service. Exactly one of the three patterns is set.
type Service struct {
	Doc
	// FullName is the protobuf name, as "greet.v1.Greeter".
	FullName string
	// NameConst is the constant that holds FullName.
	NameConst string
	// Name is the name within its file, as "Greeter", and File the variable that
	// holds the descriptor of that file.
	Name    string
	File    protogen.GoIdent
	Methods []*Method

	ReqRep   *ReqRep
	PubSub   *PubSub
	PushPull *PushPull
}

// ReqRep has the names of a REQ/REP service.
type ReqRep struct {
	Client, NewClient, ClientStruct            string
	Server, Unimplemented, MustEmbed, Register string
}

// PubSub has the names of a PUB/SUB service.
type PubSub struct {
	// Bare leaves out the topic.
	Bare bool

	Publisher, NewPublisher, PublisherStruct    string
	Subscriber, NewSubscriber, SubscriberStruct string
	Handler, Unimplemented, MustEmbed, Handle   string
}

// PushPull has the names of a PUSH/PULL service.
type PushPull struct {
	// AtLeastOnce is the guarantee of the service's tasks.
	AtLeastOnce bool

	Ventilator, NewVentilator, VentilatorStruct string
	Worker, Unimplemented, MustEmbed            string
	NewWorker, RunWorker                        string
	// Sink and the names after it are empty when no method has an output.
	Sink, NewSink, SinkStruct string
}

// A Method is one method of a service.
type Method struct {
	Doc
	// FullName is the protobuf name, as "greet.v1.Greeter.SayHello".
	FullName string
	// Name is the Go name of the method, on every type that has it.
	Name string
	// Procedure is the name on the wire, as "greet.v1.Greeter/SayHello", and
	// ProcedureConst the constant that holds it.
	Procedure, ProcedureConst string
	// Var is the variable that describes the method to the runtime.
	Var string

	Input, Output protogen.GoIdent
	// ClientStreams and ServerStreams say which sides send a stream of messages.
	ClientStreams, ServerStreams bool
	// HasOutput is false for a task without a result.
	HasOutput bool

	// Idempotency is "", "IdempotencyNoSideEffects" or "IdempotencyIdempotent".
	Idempotency string
	Timeout     time.Duration
	MaxAttempts uint32
	Bare        bool

	// Task is how the tasks of a PUSH/PULL method are handed out.
	Task Task

	// Topic is set for the methods of a PUB/SUB service that is not bare.
	Topic *Topic
	// Subscription is the Go name of the method that opens a subscription, set
	// for the methods of a PUB/SUB service.
	Subscription string
}

// A Task says how tasks are handed out. The zero value has the guarantee
// AtMostOnce.
type Task struct {
	AtLeastOnce bool
	MaxAttempts uint32        // 0: the runtime's default
	Lease       time.Duration // 0: the runtime's default
	Backoff     Backoff
	Limit       Limit // of all tasks
	KeyLimit    Limit // of those of each key
	Retain      time.Duration
	// OnDeadLetter is the option that hands a program the tasks that are given up;
	// "" unless AtLeastOnce.
	OnDeadLetter string
	// NewTask makes a task for a store; "" unless AtLeastOnce.
	NewTask string
	// Result returns the kept result of a task; "" unless AtLeastOnce, and for a
	// task without a result.
	Result string
}

// A Topic is how the topic of a message is made, and matched.
type Topic struct {
	// Template is the template as written. Empty: the procedure's name.
	Template string
	Segments []Segment // the first one of each field has the details of reading it
	// Traits has the runtime's names of the annotation's traits.
	Traits []string
	// Snapshot is set when the messages change a state that a method returns.
	Snapshot *Snapshot
	// Func returns a message's topic.
	Func string
	// Filter is the filter's type; empty when there is nothing to filter by.
	Filter string
	Fields []FilterField
	// FieldsType is the struct that Parse returns; both are empty if Filter is.
	FieldsType, Parse string
}

// A Snapshot is the method whose reply is the state behind a topic.
type Snapshot struct {
	// Follow is the function that joins the state and the topic.
	Follow string
	// Var is the variable that describes the method to the runtime.
	Var string
	// Method describes the method, with the names of its service.
	Method Method
}

// A Segment is literal text, or a field's value.
type Segment struct {
	Literal string

	// Path is the field as the template has it; empty for literal text.
	Path string
	// Getters are the methods that lead from a message to the field's value:
	// "GetCustomer" and "GetId".
	Getters []string
	// Kind is the runtime's name of its kind: "String", "Int", "Bool" or "Enum".
	Kind string
	// Field is the filter's field.
	Field string
	// Numbers are the numbers of the fields along the path. With Kind they define
	// the form on the wire, whatever the fields' names are.
	Numbers []protoreflect.FieldNumber
	// Values has the names of an enum's values, which are sent on the wire.
	Values map[protoreflect.EnumNumber]protoreflect.Name
}

// A FilterField is one field of a filter.
type FilterField struct {
	Name string
	// Path is the field as the template has it.
	Path string
	// Type is the Go type: a predeclared type's name, or an enum.
	Type protogen.GoIdent
}

// A Message is a message with a topic or a task of its own.
type Message struct {
	Doc
	// FullName is the protobuf name, as "weather.v1.Reading".
	FullName string
	Ident    protogen.GoIdent

	// Topic is set when the message has one, with the names around it.
	Topic                                       *Topic
	TopicVar                                    string
	Publisher, NewPublisher, PublisherStruct    string
	Subscriber, NewSubscriber, SubscriberStruct string

	// TaskVar and the names after it are set when the message is a task.
	TaskVar                         string
	Task                            Task
	Pusher, NewPusher, PusherStruct string
	Puller, NewPuller, PullerStruct string
}
