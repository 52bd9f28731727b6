package gozmqdescribe_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/internal/leak"
	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqdescribe"
	"github.com/gozmq/gozmq/runtime/gozmqhealth"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/runtime/gozmqv1gozmq"
)

func TestMain(m *testing.M) { leak.Main(m) }

type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
}

func (greeter) SayHello(_ context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	if req.GetName() == "" {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "name must not be empty")
	}
	return &greetv1.HelloReply{Message: "Hello, " + req.GetName() + "!"}, nil
}

// serve runs a server with a Greeter, Health, a service without a descriptor
// and a Describer that was registered among them.
func serve(t *testing.T, opts ...gozmq.ServerOption) *gozmq.Conn {
	t.Helper()
	addrs := gozmqtest.Serve(t, func(r gozmq.Registrar) error {
		if err := greetv1gozmq.RegisterGreeterServer(r, greeter{}); err != nil {
			return err
		}
		if err := gozmqdescribe.Register(r.(gozmqdescribe.Registry)); err != nil {
			return err
		}
		if err := r.RegisterService(gozmqimpl.Service{Name: "plain.Service"}); err != nil {
			return err
		}
		_, err := gozmqhealth.Register(r)
		return err
	}, append(opts, gozmq.Bind("tcp://127.0.0.1:*"))...)
	return gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...))).For(t)
}

// describe asks conn for the services with these names.
func describe(t *testing.T, conn *gozmq.Conn, req *gozmqv1.DescribeRequest) *gozmqv1.DescribeResponse {
	t.Helper()
	resp, err := gozmqv1gozmq.NewDescriberClient(conn).Describe(testkit.Within(t), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func paths(set *descriptorpb.FileDescriptorSet) []string {
	var list []string
	for _, f := range set.GetFile() {
		list = append(list, f.GetName())
	}
	return list
}

// What is told of the server that serve runs.
var descriptions = []struct {
	name     string
	req      *gozmqv1.DescribeRequest
	services []string
	files    []string // those that must be there; all of them when only
	only     bool
}{
	{
		"everything", &gozmqv1.DescribeRequest{},
		[]string{"gozmq.v1.Describer", "gozmq.v1.Health", "greet.v1.Greeter", "plain.Service"},
		[]string{"gozmq/v1/describe.proto", "gozmq/v1/health.proto", "greet/v1/greet.proto"}, false,
	},
	{
		"one service", &gozmqv1.DescribeRequest{Services: []string{"gozmq.v1.Health", "gozmq.v1.Health"}},
		[]string{"gozmq.v1.Health"},
		[]string{"google/protobuf/duration.proto", "gozmq/v1/health.proto"}, true,
	},
	{
		"names", &gozmqv1.DescribeRequest{NamesOnly: true},
		[]string{"gozmq.v1.Describer", "gozmq.v1.Health", "greet.v1.Greeter", "plain.Service"}, nil, true,
	},
	{
		"a service without a descriptor", &gozmqv1.DescribeRequest{Services: []string{"plain.Service"}},
		[]string{"plain.Service"}, nil, true,
	},
}

func TestDescribe(t *testing.T) {
	conn := serve(t)
	for _, test := range descriptions {
		t.Run(test.name, func(t *testing.T) {
			resp := describe(t, conn, test.req)
			if !slices.Equal(resp.GetServices(), test.services) {
				t.Errorf("services are %q, want %q", resp.GetServices(), test.services)
			}
			got := paths(resp.GetFiles())
			for _, want := range test.files {
				if !slices.Contains(got, want) {
					t.Errorf("files are %q, want %q among them", got, want)
				}
			}
			if test.only && len(got) != len(test.files) {
				t.Errorf("files are %q, want %q", got, test.files)
			}
		})
	}
}

// What streams is in the descriptors.
func TestStreamsAreDescribed(t *testing.T) {
	resp := describe(t, serve(t), &gozmqv1.DescribeRequest{Services: []string{"gozmq.v1.Health"}})
	streams := map[string]bool{}
	for _, f := range resp.GetFiles().GetFile() {
		for _, svc := range f.GetService() {
			for _, m := range svc.GetMethod() {
				streams[m.GetName()] = m.GetServerStreaming() && !m.GetClientStreaming()
			}
		}
	}
	if len(streams) != 2 || streams["Check"] || !streams["Watch"] {
		t.Errorf("the server streams: %v, want it of Watch alone", streams)
	}
}

// Each file stands once, and behind what it imports, with its options.
func TestFilesAreInOrder(t *testing.T) {
	set := describe(t, serve(t), &gozmqv1.DescribeRequest{}).GetFiles()
	seen := map[string]bool{}
	for _, f := range set.GetFile() {
		for _, imported := range f.GetDependency() {
			if !seen[imported] {
				t.Errorf("%s stands before %s, which it imports", f.GetName(), imported)
			}
		}
		if seen[f.GetName()] {
			t.Errorf("%s stands twice", f.GetName())
		}
		seen[f.GetName()] = true
		if want := protodesc.ToFileDescriptorProto(greetv1.File_greet_v1_greet_proto); f.GetName() == want.GetName() && !proto.Equal(f, want) {
			t.Errorf("%s is %v, want %v", f.GetName(), f, want)
		}
	}
}

// TestCallWithoutProto calls a method with nothing but what the server tells,
// as a command-line client does.
func TestCallWithoutProto(t *testing.T) {
	conn := serve(t)
	raw, err := proto.Marshal(describe(t, conn, &gozmqv1.DescribeRequest{Services: []string{"greet.v1.Greeter"}}).GetFiles())
	if err != nil {
		t.Fatal(err)
	}
	// From here on no generated code of the service is used, and no resolver
	// but the one that is made of the descriptors.
	var set descriptorpb.FileDescriptorSet
	if err := (proto.UnmarshalOptions{Resolver: new(protoregistry.Types)}).Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		t.Fatal(err)
	}
	found, err := files.FindDescriptorByName("greet.v1.Greeter")
	if err != nil {
		t.Fatal(err)
	}
	method := found.(protoreflect.ServiceDescriptor).Methods().ByName("SayHello")
	call := func(name string) (string, error) {
		req, reply := dynamicpb.NewMessage(method.Input()), dynamicpb.NewMessage(method.Output())
		req.Set(method.Input().Fields().ByName("name"), protoreflect.ValueOfString(name))
		m := &gozmq.Method{Procedure: string(method.Parent().FullName()) + "/" + string(method.Name())}
		err := conn.Call(testkit.Within(t), m, req, reply)
		return reply.Get(method.Output().Fields().ByName("message")).String(), err
	}
	if got, err := call("World"); err != nil || got != "Hello, World!" {
		t.Errorf("the call gave %q, %v", got, err)
	}
	if _, err := call(""); gozmq.CodeOf(err) != gozmq.CodeInvalidArgument || !strings.Contains(err.Error(), "name must not be empty") {
		t.Errorf("the call gave error %v", err)
	}
}

func TestDescribeUnknownService(t *testing.T) {
	_, err := gozmqv1gozmq.NewDescriberClient(serve(t)).Describe(testkit.Within(t), &gozmqv1.DescribeRequest{Services: []string{"gozmq.v1.Health", "no.Such"}})
	if gozmq.CodeOf(err) != gozmq.CodeNotFound || !strings.Contains(err.Error(), `"no.Such"`) {
		t.Errorf("got error %v, want not_found for no.Such", err)
	}
}

// Where everything is too much for one message, a part can be asked for.
func TestDescribeBeyondMessageSize(t *testing.T) {
	conn := serve(t, gozmq.WithMaxMessageSize(4<<10))
	_, err := gozmqv1gozmq.NewDescriberClient(conn).Describe(testkit.Within(t), &gozmqv1.DescribeRequest{})
	if gozmq.CodeOf(err) != gozmq.CodeResourceExhausted {
		t.Errorf("got error %v, want resource_exhausted", err)
	}
	if resp := describe(t, conn, &gozmqv1.DescribeRequest{Services: []string{"gozmq.v1.Health"}}); len(resp.GetFiles().GetFile()) != 2 {
		t.Errorf("got %v", resp)
	}
}

// A Registry that holds one service of the test's making.
type registry struct{ services []gozmqimpl.Service }

func (r *registry) RegisterService(s gozmqimpl.Service) error {
	r.services = append(r.services, s)
	return nil
}

func (r *registry) Services() []gozmqimpl.Service { return r.services }

func TestFileThatIsNotThere(t *testing.T) {
	file, err := protodesc.FileOptions{AllowUnresolvable: true}.New(&descriptorpb.FileDescriptorProto{
		Name: proto.String("a.proto"), Package: proto.String("a"), Dependency: []string{"b.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Service")}},
	}, new(protoregistry.Files))
	if err != nil {
		t.Fatal(err)
	}
	addrs := gozmqtest.Serve(t, func(r gozmq.Registrar) error {
		known := &registry{services: []gozmqimpl.Service{{Name: "a.Service", Descriptor: file.Services().Get(0)}}}
		if err := gozmqdescribe.Register(known); err != nil {
			return err
		}
		return r.RegisterService(known.services[1])
	}, gozmq.Bind(gozmqtest.Endpoint()))
	conn := gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...))).For(t)
	_, err = gozmqv1gozmq.NewDescriberClient(conn).Describe(testkit.Within(t), &gozmqv1.DescribeRequest{})
	if gozmq.CodeOf(err) != gozmq.CodeFailedPrecondition || !strings.Contains(err.Error(), "a.proto imports b.proto") {
		t.Errorf("got error %v, want failed_precondition that names both files", err)
	}
}
