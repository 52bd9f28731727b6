package generator_test

import (
	"bytes"
	"flag"
	"go/format"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/gozmq/gozmq/generator"
	"github.com/gozmq/gozmq/internal/testkit"
)

var update = flag.Bool("update", false, "write the golden files")

// goldenDir is the import root of all golden .proto files.
const goldenDir = "../../testdata/golden"

// TestGolden compares what the plugin prints for each case with what is checked
// in. That the files compile is for package goldens to show.
func TestGolden(t *testing.T) {
	var packages []string
	for _, name := range caseNames(t, goldenDir) {
		t.Run(name, func(t *testing.T) {
			req := goldenRequest(t, name)
			checkFiles(t, name, req)
		})
		packages = append(packages, goPackages(t, name)...)
	}
	golden(t, "../../generator/internal/goldens/imports_test.go", importsFile(packages))
}

// goldenRequest is what buf would send for the case: compiled here, or from an
// image where the compiler used here does not know the edition yet.
func goldenRequest(t *testing.T, name string) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	files := protoFiles(t, goldenDir, name)
	req := &pluginpb.CodeGeneratorRequest{FileToGenerate: files}
	if image, err := os.ReadFile(filepath.Join(goldenDir, name, "image.binpb")); err == nil {
		req.ProtoFile = decodeImage(t, image)
	} else {
		req.ProtoFile = compile(t, goldenDir, files)
	}
	params := "paths=source_relative"
	if opts, err := os.ReadFile(filepath.Join(goldenDir, name, "options.txt")); err == nil {
		params += "," + strings.TrimSpace(string(opts))
	}
	req.Parameter = proto.String(params)
	return req
}

// checkFiles generates the case and compares every file.
func checkFiles(t *testing.T, name string, req *pluginpb.CodeGeneratorRequest) {
	t.Helper()
	resp := generate(t, req)
	if resp.Error != nil {
		t.Fatalf("the plugin reports:\n%s", resp.GetError())
	}
	want := map[string]bool{}
	for _, f := range append(resp.File, messageFiles(t, req)...) {
		if formatted, err := format.Source([]byte(f.GetContent())); err != nil || string(formatted) != f.GetContent() {
			t.Errorf("%s is not as gofmt has it (%v)", f.GetName(), err)
		}
		want[f.GetName()] = true
		golden(t, filepath.Join(goldenDir, f.GetName()), f.GetContent())
	}
	for _, file := range goFiles(t, name) {
		if want[file] {
			continue
		}
		if !*update {
			t.Errorf("%s is checked in, but not generated any more", file)
		} else if err := os.Remove(filepath.Join(goldenDir, file)); err != nil {
			t.Error(err)
		}
	}
}

// messageFiles is what protoc-gen-go makes of the same request, with those of
// its parameters that are not ours alone.
func messageFiles(t *testing.T, req *pluginpb.CodeGeneratorRequest) []*pluginpb.CodeGeneratorResponse_File {
	t.Helper()
	req = proto.CloneOf(req)
	if first, _, _ := strings.Cut(req.GetParameter(), ","); first != "paths=source_relative" {
		req.Parameter = nil
	} else {
		req.Parameter = proto.String(first)
	}
	gen, err := protogen.Options{}.New(req)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range gen.Files {
		if f.Generate {
			internal_gengo.GenerateFile(gen, f)
		}
	}
	return gen.Response().File
}

// golden compares got with a checked-in file, or writes it. Empty is none.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		writeGolden(t, file, got)
		return
	}
	want, err := os.ReadFile(file)
	if err != nil && (got != "" || !os.IsNotExist(err)) {
		t.Errorf("%v; go test ./test/generator -update writes it", err)
		return
	}
	if string(want) != got {
		t.Errorf("%s differs from what is generated; go test ./test/generator -update writes it\n%s", file, testkit.Difference(string(want), got))
	}
}

func writeGolden(t *testing.T, file, got string) {
	t.Helper()
	if got == "" {
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
		return
	}
	if old, err := os.ReadFile(file); err == nil && string(old) == got {
		return
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

// caseNames lists the folders of root but for the error cases.
func caseNames(t *testing.T, root string) []string {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "errors" {
			out = append(out, e.Name())
		}
	}
	return out
}

// protoFiles lists the .proto files of a case by their import path.
func protoFiles(t *testing.T, root, name string) []string {
	t.Helper()
	return filesWith(t, root, name, ".proto")
}

func goFiles(t *testing.T, name string) []string {
	t.Helper()
	return filesWith(t, goldenDir, name, ".go")
}

func filesWith(t *testing.T, root, name, suffix string) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(os.DirFS(root), name, func(file string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(file, suffix) {
			out = append(out, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// goPackages lists the import paths of the case's Go packages.
func goPackages(t *testing.T, name string) []string {
	t.Helper()
	var out []string
	for _, f := range goFiles(t, name) {
		out = append(out, path.Join("github.com/gozmq/gozmq/testdata/golden", path.Dir(f)))
	}
	sort.Strings(out)
	return slices.Compact(out)
}

func importsFile(packages []string) string {
	var b bytes.Buffer
	b.WriteString("// Code generated by go test ./test/generator -update. DO NOT EDIT.\n\npackage goldens\n\nimport (\n")
	for _, p := range packages {
		b.WriteString("\t_ \"" + p + "\"\n")
	}
	b.WriteString(")\n")
	return b.String()
}

// generate runs the plugin on a request as it comes over standard input.
func generate(t *testing.T, req *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	t.Helper()
	data, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := generator.Generate(data)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}
