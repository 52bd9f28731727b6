package generator_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/gozmq/gozmq/generator"
)

// The work grows with the number of files, methods and topics, and not with its
// square. What is compared is the memory that is allocated along the way, which
// does not depend on what else the machine does.
func TestGrowth(t *testing.T) {
	const few, times = 100, 8
	for name, sources := range map[string]func(n int) map[string]string{
		"files, each a package": func(n int) map[string]string {
			return manyFiles(n, true)
		},
		"files of one package": func(n int) map[string]string {
			return manyFiles(n, false)
		},
		"methods of a service": func(n int) map[string]string {
			return oneService(n, "", "rpc Thing%d(M) returns (M);")
		},
		"topics by name": func(n int) map[string]string {
			return oneService(n, "PATTERN_PUB_SUB", "rpc Thing%d(M) returns (google.protobuf.Empty);")
		},
		"topics with templates": func(n int) map[string]string {
			return oneService(n, "PATTERN_PUB_SUB", `rpc Thing%[1]d(M) returns (google.protobuf.Empty) { option (gozmq.v1.method).topic.template = "acme/{tenant}/events/t%[1]dx/{id}"; }`)
		},
		"tasks": func(n int) map[string]string {
			return oneService(n, "PATTERN_PUSH_PULL", "rpc Thing%d(M) returns (M);")
		},
	} {
		t.Run(name, func(t *testing.T) {
			one, more := allocated(t, sources(few)), allocated(t, sources(few*times))
			t.Logf("%d: %d KiB, %d: %d KiB", few, one>>10, few*times, more>>10)
			if more > one*times*3/2 {
				t.Errorf("%d times as much takes %.1f times the memory", times, float64(more)/float64(one))
			}
		})
	}
}

// allocated returns how many bytes are allocated to generate sources.
func allocated(t *testing.T, sources map[string]string) uint64 {
	t.Helper()
	req := &pluginpb.CodeGeneratorRequest{}
	for name := range sources {
		req.FileToGenerate = append(req.FileToGenerate, name)
	}
	req.ProtoFile = compileText(t, sources, req.FileToGenerate...)
	data, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	resp, err := generator.Generate(data)
	runtime.ReadMemStats(&after)
	if err != nil || resp.Error != nil {
		t.Fatal(err, resp.GetError())
	}
	return after.TotalAlloc - before.TotalAlloc
}

// manyFiles returns n files, each with a Go package of its own if apart.
func manyFiles(n int, apart bool) map[string]string {
	out := map[string]string{}
	for i := range n {
		goPackage := "example.com/one"
		if apart {
			goPackage = fmt.Sprintf("example.com/p%d", i)
		}
		out[fmt.Sprintf("f%d.proto", i)] = fmt.Sprintf(`syntax = "proto3";
			package p%[1]d;
			option go_package = %[2]q;
			message M%[1]d { string id = 1; }
			service S%[1]d {
				rpc A(M%[1]d) returns (M%[1]d);
				rpc B(M%[1]d) returns (M%[1]d);
				rpc C(M%[1]d) returns (M%[1]d);
			}`, i, goPackage)
	}
	return out
}

func oneService(n int, pattern, method string) map[string]string {
	var b strings.Builder
	b.WriteString(`syntax = "proto3";
		package big;
		option go_package = "example.com/big";
		import "gozmq/v1/annotations.proto";
		import "google/protobuf/empty.proto";
		message M { string id = 1; string tenant = 2; }
		service S {`)
	if pattern != "" {
		b.WriteString("option (gozmq.v1.service).pattern = " + pattern + ";\n")
	}
	for i := range n {
		fmt.Fprintf(&b, method+"\n", i)
	}
	return map[string]string{"big.proto": b.String() + "}"}
}
