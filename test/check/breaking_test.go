package check_test

import (
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/generator/check"
)

// base reads the old version of the files.
func base(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/base.proto")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestBreaking edits the base, and compares the findings.
func TestBreaking(t *testing.T) {
	found := map[string]bool{}
	old := image(t, map[string]string{"base.proto": base(t)})
	for _, tt := range breakingCases {
		t.Run(tt.name, func(t *testing.T) {
			source := base(t)
			for _, e := range tt.edits {
				source = e.apply(t, source)
			}
			findings, err := check.Breaking(old, image(t, map[string]string{"base.proto": source}), check.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range findings {
				found[f.Rule] = true
				if f.At.File != "base.proto" || f.Against.File != "base.proto" || f.Against.Line == 0 {
					t.Errorf("%s is at %v, against %v", f.Rule, f.At, f.Against)
				}
				for _, word := range tt.words {
					if !strings.Contains(f.Message, word) {
						t.Errorf("message %q has no %q", f.Message, word)
					}
				}
			}
			if got := summary(findings); got != strings.Join(tt.want, "\n") {
				t.Errorf("findings:\n%s\nwant:\n%s", got, strings.Join(tt.want, "\n"))
			}
		})
	}
	for _, r := range check.Rules() {
		if r.Kind == check.KindBreaking && !found[r.ID] {
			t.Errorf("no case breaks %s", r.ID)
		}
	}
}

// A service and a message may move to another file of the package. What was
// deleted with its file has no place in the new ones.
func TestBreakingFiles(t *testing.T) {
	source := base(t)
	old := image(t, map[string]string{"base.proto": source, "more.proto": more})
	for _, tt := range []struct {
		name string
		now  map[string]string
		want string
		at   string
	}{
		{"moved", map[string]string{"other.proto": source, "more.proto": more}, "", ""},
		{"deleted", map[string]string{"base.proto": source}, "METHOD_NO_DELETE more.v1.More", ""},
		{"another package", map[string]string{"base.proto": source, "more.proto": strings.Replace(more, "more.v1", "more.v2", 1)},
			"METHOD_NO_DELETE more.v1.More", "more.proto"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			findings, err := check.Breaking(old, image(t, tt.now), check.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := summary(findings); got != tt.want {
				t.Fatalf("findings:\n%s\nwant:\n%s", got, tt.want)
			}
			for _, f := range findings {
				if f.At.File != tt.at || f.Against.String() != "more.proto:3:1" {
					t.Errorf("it is at %q, against %q", f.At, f.Against)
				}
			}
		})
	}
}

const more = `syntax = "proto3";
package more.v1;
service More { rpc Get(Thing) returns (Thing); }
message Thing {}
`

// What is only imported is not compared, and what is deleted is no finding where
// it was not generated.
func TestBreakingSelection(t *testing.T) {
	files := compile(t, map[string]string{"more.proto": more})
	old, err := check.NewImage(files, func(path string) bool { return path == "more.proto" })
	if err != nil {
		t.Fatal(err)
	}
	now := image(t, map[string]string{"a.proto": `syntax = "proto3"; message A {}`})
	if findings, err := check.Breaking(old, now, check.Options{}); err != nil || len(findings) > 0 {
		t.Errorf("imported: %v, %v", findings, err)
	}
	old = image(t, map[string]string{"more.proto": more})
	if findings, err := check.Breaking(old, now, check.Options{Parameter: "unannotated=skip"}); err != nil || len(findings) > 0 {
		t.Errorf("unannotated: %v, %v", findings, err)
	}
	if _, err := check.Breaking(old, now, check.Options{Parameter: "unanotated=skip"}); err == nil || !strings.Contains(err.Error(), "there is no option") {
		t.Errorf("unknown option: %v", err)
	}
}

// Both images may come without positions, and as proto2 or an edition.
func TestBreakingSyntaxes(t *testing.T) {
	const body = `
package s.v1;
import "gozmq/v1/annotations.proto";
import "google/protobuf/empty.proto";
service Feed {
  option (gozmq.v1.service).pattern = PATTERN_PUB_SUB;
  rpc Send(M) returns (google.protobuf.Empty) { option (gozmq.v1.method).topic.template = "a/{x}/{k}"; }
}
`
	const two = `syntax = "proto2";` + body + `message M { optional string x = 1; optional K k = 2; } enum K { ONE = 1; }`
	for name, now := range map[string]string{
		"proto2":      two,
		"editions":    `edition = "2023";` + body + `message M { string x = 1; K k = 2; } enum K { option features.enum_type = CLOSED; ONE = 1; }`,
		"proto3":      `syntax = "proto3";` + body + `message M { optional string x = 1; K k = 2; } enum K { NONE = 0; ONE = 1; TWO = 2; }`,
		"another tag": `syntax = "proto2";` + body + `message M { optional string x = 3; optional K k = 2; } enum K { ONE = 1; }`,
	} {
		t.Run(name, func(t *testing.T) {
			findings, err := check.Breaking(bare(t, two), bare(t, now), check.Options{})
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			if name == "another tag" {
				want = "TOPIC_SAME_TEMPLATE s.v1.Feed.Send"
			}
			if got := summary(findings); got != want {
				t.Errorf("findings:\n%s\nwant:\n%s", got, want)
			}
			for _, f := range findings {
				if f.At.Line != 0 || !strings.HasPrefix(f.String(), "a.proto: s.v1.Feed.Send: ") {
					t.Errorf("it reads %s", f)
				}
			}
		})
	}
}

// bare makes an image of a source without positions, as ReadImage reads it.
func bare(t *testing.T, source string) *check.Image {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	for _, f := range compile(t, map[string]string{"a.proto": source}) {
		f = proto.CloneOf(f)
		f.SourceCodeInfo = nil
		set.File = append(set.File, f)
	}
	data, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	img, err := check.ReadImage(data)
	if err != nil {
		t.Fatal(err)
	}
	return img
}
