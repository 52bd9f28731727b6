package generator_test

import (
	"fmt"
	"go/format"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/pluginpb"
)

// TestScale generates hundreds of services with names made to clash, and
// type-checks everything that comes out of it.
func TestScale(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &nastyWriter{rand: rand.New(rand.NewPCG(seed, 0)), sources: map[string]string{}}
	for i := range 24 {
		w.pkg(i)
	}
	req := &pluginpb.CodeGeneratorRequest{FileToGenerate: w.files, ProtoFile: compileText(t, w.sources, w.files...)}
	resp := generate(t, req)
	if resp.Error != nil {
		t.Fatalf("the plugin reports:\n%s", resp.GetError())
	}
	for _, f := range resp.File {
		if formatted, err := format.Source([]byte(f.GetContent())); err != nil || string(formatted) != f.GetContent() {
			t.Errorf("%s is not as gofmt has it (%v)", f.GetName(), err)
		}
	}
	newChecker(t, append(resp.File, messageFiles(t, req)...)).checkAll()
	t.Logf("%d services with %d methods in %d files", w.services, w.methods, len(resp.File))
}

// nastyWords are what generated names consist of, what generated code calls its
// variables, and what Go reserves.
var nastyWords = strings.Fields(`
	Client Server Unimplemented Register New Name Procedure Method Methods Publisher Subscriber Publish
	Subscribe Filter Topic Append Worker Sink Run Ventilator Pusher Puller Push Pull Task Close Greeter
	Must Embed type func range select interface map chan go var const import package return default
	error string int bool nil true append len new make any context gozmq iter time proto ctx req resp
	opts caller impl desc inner err filters task msg f m p b c r s v init main _ _x x_ X1 x2y HTTP Get2
	say_hello Say_Hello SayHello_V2 snake_case Oneof Enum Message File`)

// A nastyWriter writes .proto files.
type nastyWriter struct {
	rand     *rand.Rand
	sources  map[string]string
	files    []string
	services int
	methods  int
}

// pkg writes a Go package of two files: the second imports the first, and uses
// the messages of the package before.
func (w *nastyWriter) pkg(i int) {
	taken := map[string]bool{}
	short := []string{"context", "gozmq", "iter", "time", "req", "ctx", "v1", "len", "p", "impl"}[i%10]
	var previous []string
	if i > 0 {
		previous = w.files[len(w.files)-1:]
	}
	first := w.file(i, short, "a", previous, taken)
	w.file(i, short, "b", append([]string{first}, previous...), taken)
}

func (w *nastyWriter) file(i int, short, name string, imports []string, taken map[string]bool) string {
	var b strings.Builder
	file := fmt.Sprintf("p%d/%s/%s.proto", i, short, name)
	fmt.Fprintf(&b, "syntax = \"proto3\";\npackage scale.p%d;\n", i)
	fmt.Fprintf(&b, "option go_package = \"example.com/scale/p%d/%s\";\n", i, short)
	b.WriteString("import \"gozmq/v1/annotations.proto\";\nimport \"google/protobuf/empty.proto\";\n")
	for _, imported := range imports {
		fmt.Fprintf(&b, "import %q;\n", imported)
	}
	message := w.message(&b, i, taken)
	if i > 0 && w.rand.IntN(2) == 0 {
		message = fmt.Sprintf(".scale.p%d.Plain_b", i-1)
	}
	fmt.Fprintf(&b, "message Plain_%s { string id = 1; }\n", name)
	for range 8 {
		w.service(&b, message, taken)
	}
	w.sources[file] = b.String()
	w.files = append(w.files, file)
	return file
}

// name makes a name of one to three words that no other in the Go package is
// like, by any reading.
func (w *nastyWriter) name(taken map[string]bool) string {
	for {
		name := ""
		for range 1 + w.rand.IntN(3) {
			word := nastyWords[w.rand.IntN(len(nastyWords))]
			if name != "" {
				word = strings.ToUpper(word[:1]) + word[1:]
			}
			name += word
		}
		key := name
		if key[0] == '_' {
			key = "x" + key // as in Go
		}
		key = strings.ToLower(strings.ReplaceAll(key, "_", ""))
		if !taken[key] {
			taken[key] = true
			return name
		}
	}
}

func (w *nastyWriter) message(b *strings.Builder, i int, taken map[string]bool) string {
	name := w.name(taken)
	fmt.Fprintf(b, "message %s {\n", name)
	fields := map[string]bool{}
	var path []string
	for n := range 4 {
		field := w.name(fields)
		fmt.Fprintf(b, "  string %s = %d;\n", field, n+1)
		path = append(path, "{"+field+"}")
	}
	fmt.Fprintf(b, "  option (.gozmq.v1.message) = {topic: {template: %q} task: {}};\n}\n", strings.Join(path, "/"))
	return fmt.Sprintf(".scale.p%d.%s", i, name)
}

func (w *nastyWriter) service(b *strings.Builder, message string, taken map[string]bool) {
	pattern := []string{"REQ_REP", "PUB_SUB", "PUSH_PULL"}[w.rand.IntN(3)]
	fmt.Fprintf(b, "service %s {\n  option (.gozmq.v1.service).pattern = PATTERN_%s;\n", w.name(taken), pattern)
	w.services++
	methods := map[string]bool{}
	for n := range w.rand.IntN(7) {
		output, options := message, ""
		if pattern == "PUB_SUB" {
			output = ".google.protobuf.Empty"
			options = fmt.Sprintf("option (.gozmq.v1.method).topic = {template: \"t%d\"};", n)
		}
		fmt.Fprintf(b, "  rpc %s(%s) returns (%s) {%s}\n", w.name(methods), message, output, options)
		w.methods++
	}
	b.WriteString("}\n")
}
