package gozmq

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"
)

// An impl is what generated code registers.
type impl interface {
	Echo(ctx context.Context, req *bytez) (*bytez, error)
	mustEmbedUnimplemented()
}

type unimplemented struct{}

func (unimplemented) Echo(context.Context, *bytez) (*bytez, error) {
	return nil, Unimplemented(echoMethod)
}
func (unimplemented) mustEmbedUnimplemented() {}

type byValue struct{ unimplemented }
type byPointer struct{ *unimplemented }

// registerImpl is as generated code has it.
func registerImpl(r Registrar, name string, i impl) error {
	return Register(r, name, nil, func() []Handler {
		i.mustEmbedUnimplemented()
		return []Handler{Handle(&Method{Procedure: name + "/Echo"}, i.Echo)}
	})
}

func TestRegisterImplementation(t *testing.T) {
	tests := []struct {
		name string
		impl impl
		ok   bool
	}{
		{"by value", byValue{}, true},
		{"pointer to it", &byValue{}, true},
		{"embedded pointer", byPointer{&unimplemented{}}, true},
		{"nil interface", nil, false},
		{"embedded nil pointer", byPointer{}, false},
		{"nil pointer", (*byValue)(nil), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, Bind("inproc://"+t.Name()))
			err := registerImpl(s, "test.Service", tt.impl)
			if tt.ok && err != nil {
				t.Fatal(err)
			}
			if !tt.ok {
				wantText(t, err, "register test.Service", "nil", "embed it by value")
			}
		})
	}
}

func TestUnimplementedMethod(t *testing.T) {
	s := newServer(t, Bind("inproc://"+t.Name()))
	if err := registerImpl(s, "test.Service", byValue{}); err != nil {
		t.Fatal(err)
	}
	r := run(t, s)
	wantCode(t, callEcho(within(t), dial(t, Connect(r.addr())), "x"), CodeUnimplemented, "test.Service/Echo is not implemented")
}

// Every registration error is returned by RegisterService and again by Serve.
func TestRegistrationErrors(t *testing.T) {
	service := func(name string, methods ...string) Service {
		s := Service{Name: name}
		for _, m := range methods {
			s.Handlers = append(s.Handlers, Handle(&Method{Procedure: m, Bare: name == "Bare" || name == "Bare2"}, echo))
		}
		return s
	}
	tests := []struct {
		name   string
		listen bool
		first  []Service
		last   Service
		part   string
	}{
		{"twice", false, []Service{service("A", "A/M")}, service("A", "A/M"), "register A: the service is registered already"},
		{"same procedure", false, []Service{service("A", "X/M")}, service("B", "X/M"), "register B: "},
		{"bare beside another", false, []Service{service("A", "A/M")}, service("Bare", "Bare/M"), "register Bare: a service with bare framing must be alone"},
		{"another beside bare", false, []Service{service("Bare", "Bare/M")}, service("A", "A/M"), "register A: a service with bare framing"},
		{"bare beside bare", false, []Service{service("Bare", "Bare/M")}, service("Bare2", "Bare2/M"), "register Bare2: "},
		{"after Listen", true, []Service{service("A", "A/M")}, service("B", "B/M"), "register B: the server is running; register before Listen"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, Bind("inproc://"+t.Name()))
			for _, svc := range tt.first {
				if err := s.RegisterService(svc); err != nil {
					t.Fatal(err)
				}
			}
			if tt.listen {
				if err := s.Listen(); err != nil {
					t.Fatal(err)
				}
			}
			wantText(t, s.RegisterService(tt.last), tt.part)
			ctx, cancel := context.WithTimeout(within(t), patience/10)
			defer cancel()
			wantText(t, s.Serve(ctx), tt.part)
		})
	}
}

// A registration that failed changes nothing of what was registered before.
func TestSeveralServices(t *testing.T) {
	s := newServer(t, Bind("inproc://"+t.Name()))
	names := []string{"test.A", "test.B", "other.A"}
	for _, name := range names {
		if err := registerImpl(s, name, byValue{}); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, s)
	c := dial(t, Connect(r.addr()))
	for _, name := range names {
		_, err := Call[bytez](within(t), c, &Method{Procedure: name + "/Echo"}, wrapperspb.Bytes(nil))
		wantCode(t, err, CodeUnimplemented, "is not implemented")
	}
}
