package gozmq

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// registerEcho registers a service of one method, which nobody implemented.
func registerEcho(r Registrar, name string) error {
	return Register(r, name, nil, func() []Handler {
		return []Handler{Handle(&Method{Procedure: name + "/Echo"}, func(context.Context, *bytez) (*bytez, error) {
			return nil, Unimplemented(echoMethod)
		})}
	})
}

func TestUnimplementedMethod(t *testing.T) {
	s := newServer(t, Bind("inproc://"+t.Name()))
	if err := registerEcho(s, "test.Service"); err != nil {
		t.Fatal(err)
	}
	r := run(t, s)
	wantCode(t, callEcho(testkit.Within(t), dial(t, Connect(r.addr())), "x"), CodeUnimplemented, "test.Service/Echo is not implemented")
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
			ctx, cancel := context.WithTimeout(testkit.Within(t), testkit.Patience()/10)
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
		if err := registerEcho(s, name); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, s)
	c := dial(t, Connect(r.addr()))
	for _, name := range names {
		_, err := Call[bytez](testkit.Within(t), c, &Method{Procedure: name + "/Echo"}, wrapperspb.Bytes(nil))
		wantCode(t, err, CodeUnimplemented, "is not implemented")
	}
}
