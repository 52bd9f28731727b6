package interop

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

func protocolText(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile(protocolFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

var (
	protoBlock = regexp.MustCompile("(?ms)^```proto\npackage gozmq\\.v1;\n(.*?)^```$")
	protoOpen  = regexp.MustCompile(`(?:message|enum|service) (\w+) \{`)
	protoField = regexp.MustCompile(`(\w+) = (\d+);`)
)

// shownNumbers returns the numbers of all fields and enum values that the
// document shows of gozmq's own messages, as "Status.code".
func shownNumbers(t *testing.T) map[string]string {
	t.Helper()
	shown := map[string]string{}
	for _, block := range protoBlock.FindAllStringSubmatch(protocolText(t), -1) {
		var in []string
		for line := range strings.Lines(block[1]) {
			line, _, _ = strings.Cut(line, "//")
			if m := protoOpen.FindStringSubmatch(line); m != nil {
				in = append(in, m[1])
			}
			for _, m := range protoField.FindAllStringSubmatch(line, -1) {
				shown[strings.Join(in, ".")+"."+m[1]] = m[2]
			}
			if strings.Contains(line, "}") && len(in) > 0 {
				in = in[:len(in)-1]
			}
		}
	}
	return shown
}

// TestProtocolFieldNumbers holds the messages in the document to the .proto
// files: every field of them, by its number.
func TestProtocolFieldNumbers(t *testing.T) {
	want := map[string]string{}
	for _, file := range []string{
		gozmqv1.File_gozmq_v1_wire_proto.Path(), gozmqv1.File_gozmq_v1_health_proto.Path(), gozmqv1.File_gozmq_v1_describe_proto.Path(),
	} {
		fd, err := protoregistry.GlobalFiles.FindFileByPath(file)
		if err != nil {
			t.Fatal(err)
		}
		numbersOf(fd.Messages(), want)
		for i := range fd.Enums().Len() {
			for j, e := 0, fd.Enums().Get(i); j < e.Values().Len(); j++ {
				v := e.Values().Get(j)
				want[fmt.Sprintf("%s.%s", e.Name(), v.Name())] = fmt.Sprint(v.Number())
			}
		}
	}
	if shown := shownNumbers(t); !maps.Equal(shown, want) {
		t.Errorf("the document shows\n%v\nthe files have\n%v", shown, want)
	}
}

func numbersOf(messages protoreflect.MessageDescriptors, into map[string]string) {
	for i := range messages.Len() {
		m := messages.Get(i)
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			into[strings.TrimPrefix(string(f.FullName()), "gozmq.v1.")] = fmt.Sprint(f.Number())
		}
		numbersOf(m.Messages(), into)
	}
}

// TestProtocolClasses runs the document's protoc, and imports what it makes.
func TestProtocolClasses(t *testing.T) {
	interpreter := python(t)
	m := regexp.MustCompile("(?ms)^```sh\n(protoc .*?)^```$").FindStringSubmatch(protocolText(t))
	if m == nil {
		t.Fatal("the document has no call of protoc")
	}
	out := t.TempDir()
	protoc := exec.Command("sh", "-c", strings.Replace(m[1], "--python_out=.", "--python_out="+out, 1))
	protoc.Dir = filepath.Join("..", "..")
	if text, err := protoc.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var modules []string
	imports := regexp.MustCompile(`(?m)^from (\S+) import (.*_pb2)`)
	for _, f := range protocolFences(t, "python") {
		for _, m := range imports.FindAllStringSubmatch(f.text, -1) {
			for _, name := range strings.Split(m[2], ", ") {
				modules = append(modules, m[1]+"."+name)
			}
		}
	}
	modules = append(modules, "gozmq.v1.health_pb2", "gozmq.v1.describe_pb2")
	slices.Sort(modules)
	load := exec.Command(interpreter, "-c", "import "+strings.Join(slices.Compact(modules), ", "))
	load.Env = append(os.Environ(), "PYTHONPATH="+out)
	if text, err := load.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestProtocolLinks: each link within the document leads to one of its headings.
func TestProtocolLinks(t *testing.T) {
	text := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(protocolText(t), "")
	anchors := map[string]bool{}
	dropped := regexp.MustCompile(`[^\w\- ]`)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		anchor := strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")
		if anchors[anchor] {
			t.Errorf("two headings make the anchor %s", anchor)
		}
		anchors[anchor] = true
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(text, -1) {
		if !anchors[m[1]] {
			t.Errorf("nothing is at #%s", m[1])
		}
	}
}
