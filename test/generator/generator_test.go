package generator_test

import (
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/gozmq/gozmq/generator"
	"github.com/gozmq/gozmq/internal/testkit"
)

// contents maps the generated files to their text.
func contents(t *testing.T, req *pluginpb.CodeGeneratorRequest) map[string]string {
	t.Helper()
	resp := generate(t, req)
	if resp.Error != nil {
		t.Fatalf("the plugin reports:\n%s", resp.GetError())
	}
	out := map[string]string{}
	for _, f := range resp.File {
		out[f.GetName()] = f.GetContent()
	}
	return out
}

// The output depends neither on the order of the files nor on which of them are
// generated in one run.
func TestDeterministic(t *testing.T) {
	for _, name := range caseNames(t, goldenDir) {
		req := goldenRequest(t, name)
		want := contents(t, req)
		reversed := proto.CloneOf(req)
		slices.Reverse(reversed.FileToGenerate)
		compare(t, name+" reversed", contents(t, reversed), want)
		apart := map[string]string{}
		for _, file := range req.FileToGenerate {
			one := proto.CloneOf(req)
			one.FileToGenerate = []string{file}
			maps.Copy(apart, contents(t, one))
		}
		compare(t, name+" one by one", withoutPackageComments(apart), withoutPackageComments(want))
	}
}

// withoutPackageComments removes the comments of packages: of files that do not
// import each other, the first one of a run has it.
func withoutPackageComments(files map[string]string) map[string]string {
	comment := regexp.MustCompile(`(?m)^// Package \w+ contains the gozmq client and server code for\n// .*\.\n`)
	out := map[string]string{}
	for name, text := range files {
		out[name] = comment.ReplaceAllString(text, "")
	}
	return out
}

func compare(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d files, want %d", what, len(got), len(want))
	}
	for file, text := range want {
		if got[file] != text {
			t.Errorf("%s: %s differs\n%s", what, file, testkit.Difference(text, got[file]))
		}
	}
}

func TestSupport(t *testing.T) {
	faulty := &pluginpb.CodeGeneratorRequest{Parameter: proto.String("what=ever")}
	for _, req := range []*pluginpb.CodeGeneratorRequest{goldenRequest(t, "reqrep"), faulty} {
		resp := generate(t, req)
		if got := resp.GetSupportedFeatures(); got != 3 {
			t.Errorf("supported features are %d, want proto3 optional and editions", got)
		}
		if resp.GetMinimumEdition() != int32(descriptorpb.Edition_EDITION_PROTO2) || resp.GetMaximumEdition() != int32(descriptorpb.Edition_EDITION_2024) {
			t.Errorf("editions are %d to %d", resp.GetMinimumEdition(), resp.GetMaximumEdition())
		}
	}
}

func TestUndecodableRequest(t *testing.T) {
	if _, err := generator.Generate([]byte("x")); err == nil {
		t.Error("no error")
	}
}

// Without source positions a fault names its file, and nothing else changes.
func TestWithoutPositions(t *testing.T) {
	req := errorRequest(t, goldenDir+"/errors/everything")
	for _, f := range req.ProtoFile {
		f.SourceCodeInfo = nil
	}
	resp := generate(t, req)
	lines := strings.Split(resp.GetError(), "\n")
	if len(lines) != 8 {
		t.Errorf("%d faults, want 8:\n%s", len(lines), resp.GetError())
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "everything.proto: test.") && !strings.HasPrefix(line, "more.proto: test.") {
			t.Errorf("unexpected place: %s", line)
		}
	}
}

// Protobuf files without a Go package are the user's fault, not a crash.
func TestNoGoPackage(t *testing.T) {
	req := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{"a.proto"},
		ProtoFile:      compileText(t, map[string]string{"a.proto": `syntax = "proto3"; message A {}`}, "a.proto"),
	}
	resp := generate(t, req)
	if !strings.Contains(resp.GetError(), "go_package") {
		t.Errorf("error is %q", resp.GetError())
	}
}

// The number of our options is free for anyone's own use. In a build that gives
// it to another option it is not ours, whatever stands there, and however deep
// the option is declared.
func TestForeignOption(t *testing.T) {
	const option = "extend google.protobuf.MethodOptions { string mine = 57557; }"
	for name, tt := range map[string]struct{ declaration, option string }{
		"in the file":       {option, "mine"},
		"in a message":      {"message A1 { " + option + " }", "A1.mine"},
		"two messages deep": {"message A1 { message A2 { " + option + " } }", "A1.A2.mine"},
		"four messages deep": {
			"message A1 { message A0 {} message A2 { message A3 { message A4 { " + option + " } } } }", "A1.A2.A3.A4.mine"},
	} {
		files := compileText(t, map[string]string{"a.proto": `
			syntax = "proto3";
			import "options.proto";
			option go_package = "example.com/a";
			message A {}
			service S { rpc Get(A) returns (A) { option (` + tt.option + `) = "not one of our messages"; } }`,
			"options.proto": `
			syntax = "proto3";
			import "google/protobuf/descriptor.proto";
			option go_package = "example.com/options";
			` + tt.declaration}, "a.proto")
		req := &pluginpb.CodeGeneratorRequest{FileToGenerate: []string{"a.proto"}, ProtoFile: files}
		if got := contents(t, req); len(got) != 1 {
			t.Errorf("%s: %d files, want 1", name, len(got))
		}
		// In edition 2024 the declaration need not be in the request.
		a := files[len(files)-1]
		a.Dependency = nil
		req.ProtoFile = []*descriptorpb.FileDescriptorProto{a}
		if got := contents(t, req); len(got) != 1 {
			t.Errorf("%s, imported for its use alone: %d files, want 1", name, len(got))
		}
	}
}

// No byte that Go forbids reaches a file, whatever is in a .proto.
func TestForbiddenBytes(t *testing.T) {
	nasty := " Get\x00s \ufeff\xff\xc3( \xed\xa0\x80 \u2028 it\r\n\ufeff//go:build ignore\n//line x.go:1\n Deprecated: \xfe\x00.\n"
	for _, name := range goldenComments {
		req := goldenRequest(t, name)
		for _, f := range req.ProtoFile {
			for _, loc := range f.GetSourceCodeInfo().GetLocation() {
				loc.LeadingComments = proto.String(nasty)
			}
		}
		for file, text := range contents(t, req) {
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\ufeff") {
				t.Errorf("%s has bytes that Go forbids", file)
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ParseComments)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			for _, group := range parsed.Comments {
				for _, c := range group.List {
					if strings.HasPrefix(c.Text, "//go:") || strings.HasPrefix(c.Text, "//line") {
						t.Errorf("%s has the directive %q", file, c.Text)
					}
				}
			}
		}
	}
}

var goldenComments = []string{"reqrep", "pubsub", "pushpull", "message", "deprecated", "traits"}

// A path with a line break does not end the comment that it stands in.
func TestNastyPath(t *testing.T) {
	const name = "a\nfunc init() { panic(1) }\ufeff.proto"
	source := `syntax = "proto3"; option go_package = "example.com/a"; option deprecated = true; message A {} service S { rpc Get(A) returns (A); }`
	for _, text := range contents(t, &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{name},
		ProtoFile:      compileText(t, map[string]string{name: source}, name),
	}) {
		if strings.Contains(text, "\nfunc init") || strings.Contains(text, "\ufeff") {
			t.Errorf("the path gets out of its comment:\n%s", text)
		}
	}
}

// In edition 2024 options can be imported for their use alone; our annotations
// are then left out of the request. They are found all the same.
func TestOptionImport(t *testing.T) {
	req := goldenRequest(t, "edition2024")
	for _, f := range req.ProtoFile {
		if f.GetPackage() == "gozmq.v1" {
			t.Fatal("the image has the annotations: it tests nothing")
		}
	}
	for file, text := range contents(t, req) {
		if !strings.Contains(text, "MaxAttempts: 2") || !strings.Contains(text, "NewTrackingPublisher") {
			t.Errorf("%s does not have what its annotations ask for", file)
		}
	}
}

// The API level may come from an option instead of the file.
func TestAPILevel(t *testing.T) {
	text := map[string]string{"hybrid.proto": `
		syntax = "proto2";
		import "gozmq/v1/annotations.proto";
		option go_package = "example.com/a";
		message A {
			option (gozmq.v1.message).topic = {template: "{reset}"};
			optional string reset = 1;
		}`}
	req := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{"hybrid.proto"},
		ProtoFile:      compileText(t, text, "hybrid.proto"),
	}
	for params, want := range map[string]string{
		"":                                 ".GetReset_)", // Reset is a method of every message
		"default_api_level=API_OPAQUE":     ".GetReset)",
		"apilevelMhybrid.proto=API_HYBRID": ".GetReset)",
	} {
		req.Parameter = proto.String(params)
		for file, got := range contents(t, req) {
			if !strings.Contains(got, want) {
				t.Errorf("with %q %s has no %s", params, file, want)
			}
		}
	}
}
