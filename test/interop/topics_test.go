package interop

import (
	"context"
	"iter"
	"math"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	interopv1 "github.com/gozmq/gozmq/test/interop/gen/interop/v1"
	"github.com/gozmq/gozmq/test/interop/gen/interop/v1/interopv1gozmq"
)

// A vector is a row of the table of encoded values in docs/PROTOCOL.md.
type vector struct {
	kind, value string
	delimiter   byte // 0: none
	want        string
}

var vectorRow = regexp.MustCompile("(?m)^\\| (string|integer|bool|enum) \\| `(.*?)` \\| (?:`(.)`|none) \\| `(.*?)` \\|$")

func vectors(t *testing.T) []vector {
	t.Helper()
	doc, err := os.ReadFile(protocolFile)
	if err != nil {
		t.Fatal(err)
	}
	var rows []vector
	for _, m := range vectorRow.FindAllStringSubmatch(string(doc), -1) {
		v := vector{kind: m[1], value: m[2], want: m[4]}
		if m[3] != "" {
			v.delimiter = m[3][0]
		}
		rows = append(rows, v)
	}
	if len(rows) < 20 {
		t.Fatalf("found %d rows in %s", len(rows), protocolFile)
	}
	return rows
}

// TestTopicVectors holds the runtime to the table in docs/PROTOCOL.md.
func TestTopicVectors(t *testing.T) {
	for _, v := range vectors(t) {
		if got := v.encode(t); got != v.want {
			t.Errorf("%s %q before %q is %q, the document says %q", v.kind, v.value, v.delimiter, got, v.want)
		}
	}
}

func (v vector) encode(t *testing.T) string {
	t.Helper()
	switch v.kind {
	case "string":
		return v.of(gozmqimpl.String(func(none) string { return v.value }))
	case "bool":
		return v.of(gozmqimpl.Bool(func(none) bool { return v.value == "true" }))
	case "integer":
		if n, err := strconv.ParseInt(v.value, 10, 64); err == nil {
			return v.of(gozmqimpl.Int(func(none) int64 { return n }))
		}
		n, err := strconv.ParseUint(v.value, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v.of(gozmqimpl.Int(func(none) uint64 { return n }))
	default:
		n, known := interopv1.Kind_value[v.value]
		if !known {
			number, err := strconv.ParseInt(v.value, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			n = int32(number)
		}
		return v.of(gozmqimpl.Enum(func(none) interopv1.Kind { return interopv1.Kind(n) }))
	}
}

// none is a message: what a field returns is not in it.
type none = *interopv1.Sample

// of returns the field as it stands in a topic before the delimiter.
func (v vector) of(field gozmqimpl.Field[none]) string {
	after := ""
	if v.delimiter != 0 {
		after = string([]byte{v.delimiter})
	}
	topic := gozmqimpl.NewTopic("interop.Vector", "{value}"+after, field)
	return strings.TrimSuffix(topic.Of(nil), after)
}

// TestTopicVectorsInPython shows that the document's rule in Python gives the
// same, for the rows in which the delimiter does not matter.
func TestTopicVectorsInPython(t *testing.T) {
	interpreter := python(t)
	for _, v := range vectors(t) {
		if strings.ContainsRune("-_.~xs", rune(v.delimiter)) && v.delimiter != 0 {
			continue
		}
		out, err := exec.Command(interpreter, "-c",
			`import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], safe=""), end="")`, v.value).CombinedOutput()
		if err != nil || string(out) != v.want {
			t.Errorf("%q gives %q (%v), the document says %q", v.value, out, err, v.want)
		}
	}
}

// TestTopicsInPython: the script of docs/PROTOCOL.md makes the topics that the
// generated code makes: from fields that are not set, in messages that are not
// set, and of enum values with two names or none.
func TestTopicsInPython(t *testing.T) {
	python(t)
	classes := messageClasses(t)
	const typed, dashed, nested = "t/{text}/{number}/{flag}/{kind}", "d/{text}-{number}", "n/{origin.place}-{origin.height}/{kind}"
	for _, test := range []struct {
		template string
		sample   *interopv1.Sample
		topic    func(*interopv1.Sample) string
		want     string
	}{
		{typed, &interopv1.Sample{}, interopv1gozmq.TopicsTypedTopic, "t//0/false/KIND_UNSPECIFIED"},
		{typed, &interopv1.Sample{Text: "ü/~", Number: math.MinInt64, Flag: true, Kind: 99}, interopv1gozmq.TopicsTypedTopic, "t/%C3%BC%2F~/-9223372036854775808/true/99"},
		{dashed, &interopv1.Sample{Text: "a-b", Number: -40}, interopv1gozmq.TopicsDashedTopic, "d/a%2Db--40"},
		{nested, &interopv1.Sample{}, interopv1gozmq.TopicsNestedTopic, "n/-0/KIND_UNSPECIFIED"},
		{nested, &interopv1.Sample{Origin: &interopv1.Mark{Place: "a-b", Height: 7}, Kind: interopv1.Kind_KIND_STRANGE}, interopv1gozmq.TopicsNestedTopic, "n/a%2Db-7/KIND_ODD"},
	} {
		if got := test.topic(test.sample); got != test.want {
			t.Errorf("%s: the topic is %q, want %q", test.template, got, test.want)
		}
		json, err := protojson.Marshal(test.sample)
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, classes, "peers/topics.py", test.template, "interop.v1.interop_pb2", "Sample", string(json))
		if got := p.line(); got != test.want {
			t.Errorf("%s: in Python the topic is %q, want %q", test.template, got, test.want)
		}
		p.wait()
	}
}

// TestTypedTopics sends fields of every type through libzmq's prefix matching,
// with a filter that fixes all of them.
func TestTypedTopics(t *testing.T) {
	leakChecked(t)
	python(t)
	for _, test := range []struct {
		sample *interopv1.Sample
		topic  string
	}{
		{&interopv1.Sample{}, "t//0/false/KIND_UNSPECIFIED"},
		{&interopv1.Sample{Text: "a/b", Number: -7, Flag: true, Kind: interopv1.Kind_KIND_ODD}, "t/a%2Fb/-7/true/KIND_ODD"},
		{&interopv1.Sample{Text: "ü", Number: math.MinInt64, Kind: 99}, "t/%C3%BC/-9223372036854775808/false/99"},
	} {
		t.Run(test.topic, func(t *testing.T) {
			if got := interopv1gozmq.TopicsTypedTopic(test.sample); got != test.topic {
				t.Errorf("topic is %q, want %q", got, test.topic)
			}
			xpub := newProbe(t, "XPUB", nil)
			sub := interopv1gozmq.NewTopicsSubscriber(openSubscriber(t, gozmq.Connect(xpub.bind(anyPort))))
			samples := follow(t, func(ctx context.Context) iter.Seq2[*interopv1.Sample, error] {
				return sub.Typed(ctx, interopv1gozmq.TopicsTypedFilter{
					Text: gozmq.Eq(test.sample.GetText()), Number: gozmq.Eq(test.sample.GetNumber()),
					Flag: gozmq.Eq(test.sample.GetFlag()), Kind: gozmq.Eq(test.sample.GetKind()),
				})
			})
			wantFrames(t, xpub.receive(), []byte("\x01"+test.topic))
			xpub.send([]byte(test.topic+"x"), encode(t, &interopv1.Sample{Text: "not this"}))
			xpub.send([]byte(test.topic), encode(t, test.sample))
			if got := get(t, samples); got.GetText() != test.sample.GetText() {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestFiltersInTheMiddle leaves the first field open and fixes a later one.
func TestFiltersInTheMiddle(t *testing.T) {
	leakChecked(t)
	python(t)
	xpub := newProbe(t, "XPUB", nil)
	sub := interopv1gozmq.NewTopicsSubscriber(openSubscriber(t, gozmq.Connect(xpub.bind(anyPort))))
	samples := follow(t, func(ctx context.Context) iter.Seq2[*interopv1.Sample, error] {
		return sub.Typed(ctx, interopv1gozmq.TopicsTypedFilter{Number: gozmq.Eq[int64](5)})
	})
	wantFrames(t, xpub.receive(), []byte("\x01t/"))
	for _, topic := range []string{"t/a/55/true/x", "t/a/b/5/x", "t/5/6/true/x", "t/a/5", "t/a/5/true/x"} {
		xpub.send([]byte(topic), encode(t, &interopv1.Sample{Text: topic}))
	}
	if got := get(t, samples).GetText(); got != "t/a/5/true/x" {
		t.Errorf("got what was published under %q", got)
	}
}

// TestPlainTopic: without a template the topic is the method's name.
func TestPlainTopic(t *testing.T) {
	leakChecked(t)
	python(t)
	pub := openPublisher(t, gozmq.Bind(anyPort))
	foreign := newProbe(t, "SUB", map[string]any{"SUBSCRIBE": []byte("interop.v1.Topics/Plain")})
	foreign.connect(pub.Addrs()[0])
	subscribed(t, pub, "interop.v1.Topics/Plain", 1)
	if err := interopv1gozmq.NewTopicsPublisher(pub).Plain(testkit.Within(t), &interopv1.Text{Text: "plain"}); err != nil {
		t.Fatal(err)
	}
	wantFrames(t, foreign.receive(), []byte("interop.v1.Topics/Plain"), text(t, "plain"))
}
