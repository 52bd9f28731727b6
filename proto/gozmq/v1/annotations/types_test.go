package annotations_test

import (
	"os/exec"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

func TestTypes(t *testing.T) {
	opts := &descriptorpb.MethodOptions{}
	proto.SetExtension(opts, annotations.E_Method, &annotations.MethodOptions{Retry: &annotations.Retry{MaxAttempts: 3}})
	data, err := proto.Marshal(opts)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		resolver interface {
			protoregistry.MessageTypeResolver
			protoregistry.ExtensionTypeResolver
		}
		want uint32
	}{
		"Types":       {annotations.Types(), 3},
		"GlobalTypes": {protoregistry.GlobalTypes, 0},
	} {
		got := &descriptorpb.MethodOptions{}
		if err := (proto.UnmarshalOptions{Resolver: tt.resolver}).Unmarshal(data, got); err != nil {
			t.Fatal(err)
		}
		method, _ := proto.GetExtension(got, annotations.E_Method).(*annotations.MethodOptions)
		if n := method.GetRetry().GetMaxAttempts(); n != tt.want {
			t.Errorf("with %s max_attempts is %d, want %d", name, n, tt.want)
		}
	}
}

// A program without annotations does not link them, unless it has the admin
// service.
func TestRuntimeDoesNotLinkAnnotations(t *testing.T) {
	packages, err := exec.Command("go", "list", "../../../../runtime/...").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, packages)
	}
	args := []string{"list", "-deps"}
	for _, pkg := range strings.Fields(string(packages)) {
		if !strings.Contains(pkg, "/runtime/gozmqadmin") { // whose messages have annotations in them
			args = append(args, pkg)
		}
	}
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, pkg := range strings.Fields(string(out)) {
		if strings.HasSuffix(pkg, "gozmq/v1/annotations") {
			t.Errorf("the runtime links %s", pkg)
		}
	}
	if !strings.Contains(string(out), "github.com/gozmq/gozmq/proto/gozmq/v1\n") {
		t.Error("the list does not have the wire messages: it tests nothing")
	}
}
