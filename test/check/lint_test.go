package check_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/gozmq/gozmq/generator"
	"github.com/gozmq/gozmq/generator/check"
)

// What the generator refuses, lint finds, with the same text at the same place,
// in each of the generator's own faulty cases.
func TestLintFindsWhatIsRefused(t *testing.T) {
	const root = "../../testdata/golden/errors"
	dirs, err := filepath.Glob(root + "/*")
	if err != nil || len(dirs) < 40 {
		t.Fatalf("%d cases, %v", len(dirs), err)
	}
	found := map[string]bool{"GOZMQ_GO_PACKAGE": true} // TestLintStrict has it
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var opts check.Options
			if text, err := os.ReadFile(filepath.Join(dir, "options.txt")); err == nil {
				opts.Parameter = strings.TrimSpace(string(text))
			}
			files := compile(t, sources(t, dir))
			req := &pluginpb.CodeGeneratorRequest{Parameter: proto.String(opts.Parameter), ProtoFile: files}
			for _, f := range files {
				if filepath.Dir(f.GetName()) == "." {
					req.FileToGenerate = append(req.FileToGenerate, f.GetName())
				}
			}
			want := refusal(t, req)
			img, err := check.NewImage(files, func(path string) bool { return filepath.Dir(path) != "." })
			if err != nil {
				t.Fatal(err)
			}
			findings, err := check.Lint(img, opts)
			if err != nil { // the options are at fault
				if err.Error() != want {
					t.Errorf("error is %q, want %q", err, want)
				}
				return
			}
			findings, err = check.Select(findings, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range findings {
				found[f.Rule] = true
				got = append(got, strings.TrimSuffix(f.String(), " ("+f.Rule+")"))
			}
			if strings.Join(got, "\n") != want {
				t.Errorf("findings:\n%s\nwant:\n%s", strings.Join(got, "\n"), want)
			}
		})
	}
	for _, r := range check.Rules() {
		if r.Kind == check.KindLint && r.Default && !found[r.ID] {
			t.Errorf("no case breaks %s", r.ID)
		}
	}
}

func sources(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"/*.proto", "/gozmq/v1/*.proto"} {
		names, err := filepath.Glob(dir + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.ToSlash(strings.TrimPrefix(name, dir+string(filepath.Separator)))] = string(text)
		}
	}
	return out
}

// refusal is what the generator says.
func refusal(t *testing.T, req *pluginpb.CodeGeneratorRequest) string {
	t.Helper()
	data, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := generator.Generate(data)
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetError()
}

const feed = `syntax = "proto3";
package feed.v1;
import "google/protobuf/empty.proto";
import "gozmq/v1/annotations.proto";
OPTION
service Feed {
  option (gozmq.v1.service).pattern = PATTERN_PUB_SUB;
  rpc One(M) returns (google.protobuf.Empty) { option (gozmq.v1.method).topic = {template: "one/{name}"}; }
  rpc Two(M) returns (google.protobuf.Empty) { option (gozmq.v1.method).topic = {template: "two/{name}"}; }
}
service Work {
  option (gozmq.v1.service) = {pattern: PATTERN_PUSH_PULL, delivery: DELIVERY_AT_LEAST_ONCE};
  rpc Do(M) returns (google.protobuf.Empty) { option (gozmq.v1.method).task = {max_attempts: 3}; }
}
message M { string name = 1; Kind kind = 2; bool on = 3; }
message Event { option (gozmq.v1.message).topic.template = "event/{on}"; bool on = 1; }
message Job { option (gozmq.v1.message).task = {delivery: DELIVERY_AT_LEAST_ONCE, max_attempts: 3}; }
enum Kind { NONE = 0; }
`

// The opt-in rules, and Go packages that are chosen elsewhere.
func TestLintStrict(t *testing.T) {
	goPackage := edit{"OPTION", `option go_package = "example.com/feed;feed";`}
	found := map[string]bool{}
	for _, tt := range []struct {
		name  string
		edits []edit
		want  []string
	}{
		{"nothing", []edit{goPackage}, nil},
		{"no go_package", []edit{{"OPTION", ""}}, nil},
		{"a go_package of one word", []edit{{"OPTION", `option go_package = "feed";`}}, []string{"GO_PACKAGE "}},
		{"another finding beside it", []edit{{"OPTION", `option go_package = "feed";`}, {"two/{name}", "two/{nam}"}},
			[]string{"GO_PACKAGE ", "TOPIC_TEMPLATE feed.v1.Feed.Two"}},
		{"prefix", []edit{goPackage, {"two/{name}", "one/{name}/{on}"}}, []string{"TOPIC_PREFIX feed.v1.Feed.One"}},
		{"literal prefix", []edit{goPackage, {"two/{name}", "tw"}, {"one/{name}", "two/{name}"}}, []string{"TOPIC_PREFIX feed.v1.Feed.Two"}},
		{"elsewhere", []edit{goPackage, {"event/{on}", "one/{on}"}}, []string{"TOPIC_OVERLAP_ELSEWHERE feed.v1.Event"}},
		{"a method with the topic of its message", []edit{goPackage, {`rpc Two(M) returns (google.protobuf.Empty) { option (gozmq.v1.method).topic = {template: "two/{name}"}; }`, "rpc Two(Event) returns (google.protobuf.Empty);"}}, nil},
		{"bounded", []edit{goPackage, {`"one/{name}"`, `"one/{name}/{on}" retain: true`}}, []string{"TOPIC_BOUNDED feed.v1.Feed.One"}},
		{"stable", []edit{goPackage, {"two/{name}", "two/{kind}"}}, []string{"TOPIC_STABLE feed.v1.Feed.Two"}},
		{"attempts of a method", []edit{goPackage, {"task = {max_attempts: 3}", "task = {}"}}, []string{"TASK_ATTEMPTS feed.v1.Work.Do"}},
		{"attempts of a message", []edit{goPackage, {", max_attempts: 3", ""}}, []string{"TASK_ATTEMPTS feed.v1.Job"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := feed
			for _, e := range tt.edits {
				source = e.apply(t, source)
			}
			findings, err := check.Lint(image(t, map[string]string{"feed.proto": source}), check.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range findings {
				found[f.Rule] = true
				if f.At.File != "feed.proto" || f.At.Line == 0 {
					t.Errorf("%s is at %v", f.Rule, f.At)
				}
			}
			if got := summary(findings); got != strings.Join(tt.want, "\n") {
				t.Errorf("findings:\n%s\nwant:\n%s", got, strings.Join(tt.want, "\n"))
			}
		})
	}
	for _, r := range check.Rules() {
		if r.Kind == check.KindLint && !r.Default && !found[r.ID] {
			t.Errorf("no case breaks %s", r.ID)
		}
	}
}

func TestSelect(t *testing.T) {
	all := []check.Finding{{Rule: "GOZMQ_TOPIC_TEMPLATE"}, {Rule: "GOZMQ_TOPIC_STABLE"}, {Rule: "GOZMQ_TOPIC_PREFIX"}}
	for _, tt := range []struct {
		use, except []string
		want        []int
	}{
		{nil, nil, []int{0}},
		{[]string{"GOZMQ", "GOZMQ_STRICT"}, []string{"GOZMQ_TOPIC_STABLE"}, []int{0, 2}},
		{[]string{"GOZMQ_TOPIC_STABLE"}, nil, []int{1}},
		{nil, []string{"GOZMQ"}, nil},
	} {
		got, err := check.Select(all, tt.use, tt.except)
		if err != nil {
			t.Fatal(err)
		}
		var want []check.Finding
		for _, i := range tt.want {
			want = append(want, all[i])
		}
		if !slices.EqualFunc(got, want, func(a, b check.Finding) bool { return a.Rule == b.Rule }) {
			t.Errorf("use %v, except %v: %v, want %v", tt.use, tt.except, got, want)
		}
	}
	if _, err := check.Select(nil, nil, []string{"GOZMQ_X"}); err == nil || !strings.Contains(err.Error(), `"GOZMQ_X"`) {
		t.Errorf("unknown rule: %v", err)
	}
}
