package runtime_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gozmq/gozmq/"

// layers says for every folder which other folders of this module it may
// import, itself and what is below it aside. A folder stands for all below it
// that have no entry of their own. Tests may import what they like.
var layers = map[string][]string{
	"proto":                {},
	"internal/optionfield": {},

	"generator":                  {"proto"},
	"generator/check":            {"generator", "proto"},
	"generator/internal/input":   {"generator/internal/plan", "proto"},
	"generator/internal/goldens": {},
	"generator/internal/render":  {"generator/internal/plan"},
	"generator/internal/plan":    {"generator/internal/topic", "internal/optionfield", "proto"},
	"generator/internal/topic":   {},
	"cmd/protoc-gen-gozmq":       {"generator", "proto"},

	"runtime/internal/testproto":    {}, // for tests: nothing stands above it
	"runtime/internal/zmtp":         {},
	"runtime/internal/zmtptest":     {"runtime/internal/zmtp", "runtime/internal/transport", "runtime/internal/curve", "internal/testkit"}, // for tests: nothing stands above it
	"runtime/internal/prefix":       {},
	"runtime/internal/curve":        {},
	"runtime/internal/transport":    {"runtime/internal/guarded"},
	"runtime/internal/heap":         {},
	"runtime/internal/list":         {},
	"runtime/internal/notify":       {},
	"runtime/internal/guarded":      {},
	"runtime/internal/utf8field":    {},
	"runtime/internal/events":       {"runtime/internal/notify"},
	"runtime/internal/wire":         {"runtime/internal/zmtp", "proto"},
	"runtime/internal/taskqueue":    {"runtime/internal/heap", "runtime/internal/list"},
	"runtime/internal/throttle":     {},
	"runtime/internal/handshake":    {"runtime/internal/zmtp", "runtime/internal/curve", "runtime/internal/guarded"},
	"runtime/internal/link":         {"runtime/internal/handshake", "runtime/internal/zmtp", "runtime/internal/transport", "runtime/internal/curve", "runtime/internal/notify", "runtime/internal/throttle", "runtime/internal/guarded", "runtime/internal/list"},
	"runtime/internal/socket":       {"runtime/internal/link", "runtime/internal/zmtp", "runtime/internal/prefix", "runtime/internal/list", "runtime/internal/notify", "runtime/internal/throttle", "runtime/internal/guarded", "runtime/internal/wire", "runtime/internal/lru", "runtime/internal/stream"},
	"runtime/gozmq":                 {"runtime/internal/curve", "runtime/internal/taskqueue", "runtime/internal/handshake", "runtime/internal/link", "runtime/internal/prefix", "runtime/internal/socket", "runtime/internal/transport", "runtime/internal/zmtp", "proto", "runtime/internal/relay", "runtime/internal/guarded", "runtime/internal/notify", "runtime/internal/wire", "runtime/internal/subscription", "runtime/internal/lru", "runtime/internal/pipeline", "runtime/internal/bridge", "runtime/internal/topic", "runtime/internal/call", "runtime/internal/answer", "runtime/internal/status", "runtime/internal/events", "runtime/internal/utf8field", "runtime/internal/worker", "runtime/internal/publication", "runtime/gozmqstore"},
	"runtime/internal/relay":        {"runtime/internal/handshake", "runtime/internal/socket", "runtime/internal/wire", "runtime/internal/link", "runtime/internal/zmtp"},
	"runtime/internal/publication":  {"runtime/internal/socket", "runtime/internal/link", "runtime/internal/wire", "runtime/internal/status"},
	"runtime/internal/lru":          {"runtime/internal/list"},
	"runtime/internal/stream":       {},
	"runtime/internal/answer":       {"runtime/internal/socket", "runtime/internal/stream", "runtime/internal/status", "runtime/internal/link", "runtime/internal/wire", "runtime/internal/zmtp", "runtime/internal/guarded"},
	"runtime/internal/status":       {"runtime/internal/wire"},
	"runtime/internal/call":         {"runtime/internal/socket", "runtime/internal/stream", "runtime/internal/status", "runtime/internal/link", "runtime/internal/wire", "runtime/internal/zmtp"},
	"runtime/internal/subscription": {"runtime/internal/wire", "runtime/internal/prefix", "runtime/internal/lru", "runtime/internal/notify"},
	"internal/leak":                 {}, // for tests of every part
	"internal/testkit":              {}, // for tests of every part, in and out of runtime
	"runtime/internal/topic":        {"runtime/internal/prefix"},
	"runtime/internal/bridge":       {"runtime/internal/handshake", "runtime/internal/socket", "runtime/internal/topic", "runtime/gozmqstore"},
	"internal/queuetest":            {"internal/leak", "internal/testkit", "runtime/gozmq", "runtime/gozmqimpl", "runtime/gozmqstore", "runtime/gozmqtest"}, // for tests of every store, in modules of their own
	"internal/postgrestest":         {"internal/testkit"},                                                                                                   // for tests against PostgreSQL, in modules of their own
	"runtime/internal/pipeline":     {"runtime/internal/status", "runtime/internal/subscription", "runtime/internal/taskqueue", "runtime/internal/socket", "runtime/internal/link", "runtime/internal/wire", "runtime/internal/notify", "runtime/internal/heap", "runtime/internal/list", "runtime/internal/lru", "runtime/internal/zmtp", "runtime/gozmqstore"},
	"runtime/internal/worker":       {"runtime/internal/status", "runtime/internal/subscription", "runtime/internal/pipeline", "runtime/internal/socket", "runtime/internal/link", "runtime/internal/handshake", "runtime/internal/wire", "runtime/internal/guarded", "runtime/internal/zmtp"},
	"runtime/gozmqstore":            {},
	"runtime/gozmqstoretest":        {"runtime/gozmqstore"},

	"runtime/gozmqproto":       {"runtime/gozmq"},
	"runtime/gozmqcurve":       {"runtime/gozmq", "runtime/internal/bridge", "runtime/internal/curve", "runtime/internal/handshake"},
	"runtime/gozmqzap":         {"runtime/gozmq", "runtime/internal/bridge", "runtime/internal/socket", "runtime/internal/wire", "runtime/internal/zmtp"},
	"runtime/gozmqimpl":        {"runtime/gozmq", "runtime/gozmqstore", "runtime/internal/bridge", "runtime/internal/socket", "runtime/internal/topic"},
	"runtime/gozmqv1gozmq":     {"runtime/gozmq", "runtime/gozmqimpl", "proto"}, // generated
	"runtime/gozmqhealth":      {"runtime/gozmq", "runtime/gozmqv1gozmq", "proto"},
	"runtime/gozmqdescribe":    {"runtime/gozmq", "runtime/gozmqimpl", "runtime/gozmqv1gozmq", "runtime/internal/fileset", "proto"},
	"runtime/internal/fileset": {},
	"runtime/gozmqadmin":       {"runtime/gozmq", "runtime/gozmqops", "runtime/gozmqadmin/adminv1gozmq", "runtime/internal/fileset", "proto"},

	"runtime/gozmqadmin/adminv1gozmq": {"runtime/gozmq", "runtime/gozmqimpl", "proto"}, // generated

	"runtime/gozmqops":  {"internal/optionfield", "runtime/gozmq", "runtime/gozmqimpl", "runtime/internal/events", "proto"},
	"runtime/gozmqhttp": {"runtime/gozmq", "runtime/gozmqops"},

	"runtime/gozmqtap": {"runtime/gozmq", "runtime/internal/bridge", "runtime/internal/handshake", "runtime/internal/transport", "runtime/internal/wire", "runtime/internal/zmtp"},

	"runtime/gozmqtest": {"runtime/gozmq", "runtime/gozmqcurve", "runtime/internal/transport"},

	"example": {"runtime/gozmq", "runtime/gozmqimpl", "runtime/gozmqstore", "runtime/gozmqdescribe", "runtime/gozmqhealth", "proto"},

	"test":                  {}, // tests only; Go keeps them from runtime/internal
	"test/interop/gen":      {"runtime/gozmq", "runtime/gozmqimpl", "runtime/gozmqstore", "proto"},
	"test/internal/rawzmtp": {},
}

// requirements are the modules that the root go.mod may require, each with the
// folder that may import it; "" for any, "test" for tests only.
var requirements = map[string]string{
	"google.golang.org/protobuf":       "",
	"github.com/go-zeromq/zmq4":        "runtime/internal/handshake",
	"golang.org/x/crypto":              "runtime/internal/curve",
	"golang.org/x/sys":                 "runtime/internal/link",
	"github.com/bufbuild/protocompile": "test",
}

func TestLayers(t *testing.T) {
	walk(t, func(file string, imports []string) {
		folder := path.Dir(file)
		layer := covering(folder)
		if layer == "" {
			t.Errorf("%s: no entry in layers covers its folder", file)
			return
		}
		allowed := append(slices.Clone(layers[layer]), layer)
		for _, imported := range imports {
			below, ours := strings.CutPrefix(imported, module)
			if ours && !slices.ContainsFunc(allowed, func(a string) bool { return within(below, a) }) {
				t.Errorf("%s imports %s, which does not stand below %s", file, imported, layer)
			}
		}
	})
}

func TestRequirementsInPlace(t *testing.T) {
	walk(t, func(file string, imports []string) {
		for required, folder := range requirements {
			uses := slices.ContainsFunc(imports, func(i string) bool { return within(i, required) })
			if uses && folder != "" && !within(file, folder) {
				t.Errorf("%s imports %s, which is for %q only", file, required, folder)
			}
		}
	})
}

func TestGoModRequirements(t *testing.T) {
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) < 2 || !strings.HasPrefix(fields[1], "v") || strings.HasSuffix(strings.TrimSpace(line), "// indirect") {
			continue
		}
		found++
		if _, ok := requirements[fields[0]]; !ok {
			t.Errorf("go.mod requires %s, which is not agreed", fields[0])
		}
	}
	if found == 0 {
		t.Error("found no requirement")
	}
}

// covering returns the innermost entry of layers that covers a folder.
func covering(folder string) string {
	for ; folder != "."; folder = path.Dir(folder) {
		if _, ok := layers[folder]; ok {
			return folder
		}
	}
	return ""
}

// within reports whether an import path is a folder's or of one below it.
func within(p, folder string) bool {
	return p == folder || strings.HasPrefix(p, folder+"/")
}

// walk calls visit with the imports of every Go file of the module that is not
// a test. It parses the files itself, so that go test sees which it depends on.
func walk(t *testing.T, visit func(file string, imports []string)) {
	t.Helper()
	files := 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (d.Name() == "testdata" || d.Name()[0] == '.' || isModule(name)) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), "../"+name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		var imports []string
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, imported)
		}
		visit(name, imports)
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("looked at %d files: %v", files, err)
	}
}

// isModule reports whether a folder is a module of its own.
func isModule(folder string) bool {
	_, err := os.Stat("../" + folder + "/go.mod")
	return err == nil
}

// framesOf are the folders that may look into frames: wire and what stands below
// it, and for a reason those that are given one.
var framesOf = map[string]string{
	"runtime/internal/wire":      "",
	"runtime/internal/zmtp":      "",
	"runtime/internal/zmtptest":  "",
	"runtime/internal/link":      "",
	"runtime/internal/handshake": "",
	"runtime/internal/socket":    "ZeroMQ's envelopes and topics",
	"runtime/internal/relay":     "it passes whole messages on, as they came",
	"runtime/gozmqtap":           "it shows the frames of strangers",
}

// TestFramesAreOfWire checks that nothing above internal/wire counts frames, or
// picks one by its place.
func TestFramesAreOfWire(t *testing.T) {
	counts := regexp.MustCompile(`len\((\w+\.)*[fF]rames\)|[fF]rames\[\d`)
	walk(t, func(file string, _ []string) {
		if _, ok := framesOf[path.Dir(file)]; ok || !within(file, "runtime") {
			return
		}
		text, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		if found := counts.Find(text); found != nil {
			t.Errorf("%s has %s: let internal/wire parse it", file, found)
		}
	})
}

// onceOnly are idioms that one package has for all, with the folders that may have
// them, each with why.
var onceOnly = map[string]map[string]string{
	`"container/list"`: {}, // internal/list
	`"container/heap"`: {"runtime/internal/heap": "the leaf"},
	`case [\w.]+ <- struct\{\}\{\}:\s*default:`: {
		"runtime/internal/notify": "the leaf",
	},
	`\brecover\(\)`: {
		"runtime/internal/guarded":   "the leaf",
		"runtime/internal/handshake": "a panic of zmq4's parser is a malformed handshake",
		"runtime/gozmqimpl":          "a method value of a nil implementation panics",
	},
}

// TestLeavesHaveNoCopies checks that signals, lists, heaps and the recovery from
// panics are written once.
func TestLeavesHaveNoCopies(t *testing.T) {
	walk(t, func(file string, _ []string) {
		if !within(file, "runtime") {
			return
		}
		text, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for idiom, folders := range onceOnly {
			if _, ok := folders[path.Dir(file)]; !ok && regexp.MustCompile(idiom).Match(text) {
				t.Errorf("%s has %s, which belongs to %v", file, idiom, folders)
			}
		}
	})
}
