package generator_test

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

// goPackageRequest asks for a file with a service of each kind.
func goPackageRequest(t *testing.T, goPackage, params string) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	source := fmt.Sprintf(`syntax = "proto3";
import "gozmq/v1/annotations.proto";
import "google/protobuf/empty.proto";
option go_package = %q;
		message M { string id = 1; option (gozmq.v1.message).task = {}; }
		service Calls { rpc Get(M) returns (M); }
		service Feed {
			option (gozmq.v1.service).pattern = PATTERN_PUB_SUB;
			rpc Send(M) returns (google.protobuf.Empty) { option (gozmq.v1.method).topic = {template: "m/{id}"}; }
		}`, goPackage)
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{"a.proto"},
		Parameter:      proto.String(params),
		ProtoFile:      compileText(t, map[string]string{"a.proto": source}, "a.proto"),
	}
}

// A Go package that other packages cannot import, or that the go command leaves
// out of ./..., is a fault at the go_package. Generated into the messages' own
// package, the code compiles wherever that of protoc-gen-go does.
func TestGoPackageFaults(t *testing.T) {
	for _, tt := range []struct{ goPackage, want string }{
		{"./pb", "it is a relative path"},
		{"./;pb", "it is a relative path"},
		{".;pb", "it is a relative path"},
		{"../pb", "it is a relative path"},
		{"./", "it is a relative path"},
		{"/pb", "it begins with a slash"},
		{"example.com/t/pb/", "it ends in a slash"},
		{"example.com//pb", "two slashes in a row"},
		{"example.com/./pb", `the element "."`},
		{"example.com/../pb", `the element ".."`},
		{"example.com/t/pb.", `ends in a dot`},
		{"example.com/a b", `the character ' '`},
		{"example.com/größe", `the character 'ö'`},
		{`example.com\pb`, `the character '\\'`},
		{"example.com/con", "cannot be made on Windows"},
		{"example.com/Lpt1.x/pb", "cannot be made on Windows"},
		{"example.com/pb~1", "a short name of Windows"},
		{"example.com/_hidden", `the folder "_hidden"`},
		{"example.com/_hidden/pb", `the folder "_hidden"`},
		{"example.com/.hidden/pb", `the folder ".hidden"`},
		{"example.com/t/main", "named main"},
		{"example.com/t;main", "named main"},
		{"./;main", "it is a relative path"},
	} {
		t.Run(tt.goPackage, func(t *testing.T) {
			resp := generate(t, goPackageRequest(t, tt.goPackage, ""))
			if got := resp.GetError(); !strings.HasPrefix(got, "a.proto:4:1: its Go package ") || !strings.Contains(got, tt.want) || strings.Contains(got, "\n") {
				t.Errorf("error is %q, want one at a.proto:4:1 with %q", got, tt.want)
			}
			if len(resp.File) > 0 {
				t.Errorf("%d files are generated all the same", len(resp.File))
			}
			if strings.HasPrefix(tt.goPackage, "example.com/größe") || strings.Contains(tt.goPackage, " ") {
				return // nor does that of protoc-gen-go
			}
			req := goPackageRequest(t, tt.goPackage, "package_suffix=")
			resp = generate(t, req)
			if resp.Error != nil {
				t.Fatalf("in the messages' own package: %s", resp.GetError())
			}
			newChecker(t, append(resp.File, messageFiles(t, req)...)).checkAll()
		})
	}
}

// Without a dot or a slash a go_package is no import path for protogen either.
func TestGoPackageOfOneWord(t *testing.T) {
	for _, goPackage := range []string{"main", "pb", "pb;other"} {
		resp := generate(t, goPackageRequest(t, goPackage, ""))
		if got := resp.GetError(); !strings.HasPrefix(got, "a.proto:4:1: its Go package ") || !strings.Contains(got, "example.com/module/folder") {
			t.Errorf("%q: the error is %q", goPackage, got)
		}
	}
}

// Whatever the package is named, its folder is one that ./... has, and its code
// compiles.
func TestGoPackageNames(t *testing.T) {
	for goPackage, want := range map[string]string{
		"example.com/t/pb":       "pbgozmq",
		"example.com/t/type":     "typegozmq",
		"example.com/t/func":     "funcgozmq",
		"example.com/t/range":    "rangegozmq",
		"example.com/t/go":       "gogozmq",
		"example.com/t/map":      "mapgozmq",
		"example.com/t/1st":      "pb1stgozmq",
		"example.com/t/2":        "pb2gozmq",
		"example.com/t/-":        "pbgozmq",
		"example.com/t;_type":    "typegozmq",
		"example.com/t;__x":      "xgozmq",
		"example.com/t/v1.2":     "v1_2gozmq",
		"example.com/t/a-b":      "a_bgozmq",
		"example.com/t/string":   "stringgozmq",
		"example.com/t/gozmq":    "gozmqgozmq",
		"example.com/t/internal": "internalgozmq",
		"example.com/t+x/p~a":    "p_agozmq",
		"Example.COM/T/Pb":       "Pbgozmq",
	} {
		req := goPackageRequest(t, goPackage, "")
		resp := generate(t, req)
		if resp.Error != nil {
			t.Errorf("%q: %s", goPackage, resp.GetError())
			continue
		}
		importPath, _, _ := strings.Cut(goPackage, ";")
		if got := resp.File[0].GetName(); got != path.Join(importPath, want, "a.gozmq.go") {
			t.Errorf("%q makes %q, want the folder %s", goPackage, got, want)
		}
		if text := resp.File[0].GetContent(); !strings.Contains(text, "\npackage "+want+"\n") {
			t.Errorf("%q does not make package %s", goPackage, want)
		}
		newChecker(t, append(resp.File, messageFiles(t, req)...)).checkAll()
	}
}

// Messages of another file have to be importable as well; the fault is where
// their go_package is, or without a place when an option says it.
func TestGoPackageOfOtherFiles(t *testing.T) {
	sources := map[string]string{
		"a.proto": `syntax = "proto3";
import "b.proto";
option go_package = "example.com/a";
			message A {}
			service S { rpc Get(A) returns (B); }`,
		"b.proto": "syntax = \"proto3\";\n\noption go_package = \"./b\";\nmessage B {}",
	}
	req := &pluginpb.CodeGeneratorRequest{FileToGenerate: []string{"a.proto"}, ProtoFile: compileText(t, sources, "a.proto")}
	for params, want := range map[string]string{
		"":                 `b.proto:3:1: its Go package "./b" cannot be imported`,
		"package_suffix=":  `b.proto:3:1: its Go package "./b" cannot be imported`,
		"Mb.proto=/b":      `b.proto:3:1: its Go package "/b" cannot be imported`,
		"Ma.proto=./a":     `a.proto:3:1: its Go package "./a" cannot be imported`,
		"Mb.proto=x.com/b": "",
	} {
		req.Parameter = proto.String(params)
		resp := generate(t, req)
		if got := resp.GetError(); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("with %q the error is %q, want %q", params, got, want)
		}
	}
}

// Go leaves out files whose names begin with an underscore or a dot.
func TestHiddenFile(t *testing.T) {
	for _, name := range []string{"_a.proto", "d/.a.proto"} {
		source := `syntax = "proto3"; option go_package = "example.com/a"; message A {} service S { rpc Get(A) returns (A); }`
		resp := generate(t, &pluginpb.CodeGeneratorRequest{
			FileToGenerate: []string{name},
			ProtoFile:      compileText(t, map[string]string{name: source}, name),
		})
		if got := resp.GetError(); !strings.HasPrefix(got, name+": the go command leaves out") {
			t.Errorf("%s: the error is %q", name, got)
		}
	}
}
