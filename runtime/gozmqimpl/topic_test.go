package gozmqimpl

import (
	"testing"

	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// Fields of a message that has none: what they return is the same for all.
func text(*emptypb.Empty) string                                 { return "a/b" }
func number(*emptypb.Empty) int64                                { return -3 }
func flag(*emptypb.Empty) bool                                   { return true }
func kind(*emptypb.Empty) descriptorpb.FieldDescriptorProto_Type { return 1 }

// A topic's method has the template, which is the same for all of its topics.
func TestTopicMethod(t *testing.T) {
	for template, got := range map[string]*gozmq.Method{
		"w/{text}": NewTopic("test.W", "w/{text}", String(text)).method,
		"w":        NewTopic[emptypb.Empty]("test.W", "w").method,
		"":         NewBareTopic[emptypb.Empty]("test.W").method,
	} {
		if got.Procedure != "test.W" || got.TopicTemplate != template {
			t.Errorf("got %+v, want the template %q", got, template)
		}
	}
}

func TestTopicPatternFields(t *testing.T) {
	w := NewTopic("test.W", "w/{text}/{number}/{flag}", String(text), Int(number), Bool(flag))
	build := func(s gozmq.Match[string], i gozmq.Match[int64], b gozmq.Match[bool]) gozmq.TopicPattern {
		return w.Pattern(s, i, b)
	}
	var (
		noString gozmq.Match[string]
		noInt    gozmq.Match[int64]
		noBool   gozmq.Match[bool]
	)
	tests := []struct {
		name, want, prefix string
		pattern            gozmq.TopicPattern
		matches            bool // the topic of "a/b", -3, true
	}{
		{"all open", "w/*/*/*", "w/", build(noString, noInt, noBool), true},
		{"all fixed", "w/a%2Fb/-3/true", "w/a%2Fb/-3/true", build(gozmq.Eq("a/b"), gozmq.Eq(int64(-3)), gozmq.Eq(true)), true},
		{"first fixed", "w/a%2Fb/*/*", "w/a%2Fb/", build(gozmq.Eq("a/b"), noInt, noBool), true},
		{"last fixed", "w/*/*/true", "w/", build(noString, noInt, gozmq.Eq(true)), true},
		{"middle fixed", "w/*/-3/*", "w/", build(noString, gozmq.Eq(int64(-3)), noBool), true},
		{"zero values are values", "w//0/false", "w//0/false", build(gozmq.Eq(""), gozmq.Eq(int64(0)), gozmq.Eq(false)), false},
		{"other string", "w/a/*/*", "w/a/", build(gozmq.Eq("a"), noInt, noBool), false},
		{"other int", "w/*/-33/*", "w/", build(noString, gozmq.Eq(int64(-33)), noBool), false},
		{"other bool", "w/*/*/false", "w/", build(noString, noInt, gozmq.Eq(false)), false},
	}
	name := w.Of(&emptypb.Empty{})
	if want := "w/a%2Fb/-3/true"; name != want {
		t.Fatalf("the topic is %q, want %q", name, want)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.pattern.String(); got != tt.want {
				t.Errorf("String() = %q, want %q", got, tt.want)
			}
			p := patternOf(tt.pattern)
			if got := p.Prefix(); got != tt.prefix {
				t.Errorf("Prefix() = %q, want %q", got, tt.prefix)
			}
			if got := p.Matches([]byte(name)); got != tt.matches {
				t.Errorf("Matches(%q) = %v", name, got)
			}
		})
	}
}

func TestPrefixPattern(t *testing.T) {
	tests := []struct {
		prefix, topic string
		matches       bool
	}{
		{"", "", true},
		{"", "a/b", true},
		{"a/", "a/b/c%2F/\xff", true},
		{"a/", "a/", true},
		{"a/", "a", false},
		{"a/", "b/a/", false},
	}
	for _, tt := range tests {
		p := patternOf(PrefixPattern(tt.prefix))
		if got := p.Matches([]byte(tt.topic)); got != tt.matches || p.Prefix() != tt.prefix {
			t.Errorf("PrefixPattern(%q) matches %q: %v; its prefix is %q", tt.prefix, tt.topic, got, p.Prefix())
		}
	}
}

func TestTopicPatternEnum(t *testing.T) {
	type enum = descriptorpb.FieldDescriptorProto_Type
	e := NewTopic("test.E", "e/{kind}", Enum(kind))
	tests := []struct {
		name string
		m    gozmq.Match[enum]
		want string
	}{
		{"open", gozmq.Match[enum]{}, "e/*"},
		{"named", gozmq.Eq(enum(1)), "e/TYPE_DOUBLE"},
		{"unnamed", gozmq.Eq(enum(-7)), "e/-7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := e.Pattern(tt.m).String(); got != tt.want {
				t.Errorf("String() = %q, want %q", got, tt.want)
			}
		})
	}
}

// A template is cut at its fields, of which one may stand in it several times.
func TestNewTopic(t *testing.T) {
	m := &emptypb.Empty{}
	type fields struct {
		Text string
		N    int64
	}
	tests := []struct {
		template, want, open string
	}{
		{"", "", ""},
		{"plain", "plain", "plain"},
		{"{t}", "a%2Fb", "*"},
		{"{t}.{n}", "a%2Fb.-3", "*.*"},
		{"x/{t}-{n}-{t}/y", "x/a%2Fb-%2D3-a%2Fb/y", "x/*-*-*/y"},
		{"{t}/{t}", "a%2Fb/a%2Fb", "*/*"},
	}
	for _, tt := range tests {
		t.Run(tt.template, func(t *testing.T) {
			topic := NewTopic("test.T", tt.template, String(text), Int(number))
			if got := topic.Of(m); got != tt.want {
				t.Errorf("the topic is %q, want %q", got, tt.want)
			}
			if got := topic.Pattern().String(); got != tt.open {
				t.Errorf("the pattern is %q, want %q", got, tt.open)
			}
			var f fields
			if _, err := Parse(topic, tt.want, &f, &f.Text, &f.N); err != nil {
				t.Error(err)
			}
			if got, err := Parse(topic, tt.want+"/z", &f, &f.Text, &f.N); got != (fields{}) || gozmq.CodeOf(err) != gozmq.CodeInvalidArgument {
				t.Errorf("a topic that goes on gives %v, %v", got, err)
			}
		})
	}
}

// The second of two fields that are one has to be like the first.
func TestParseFieldAgain(t *testing.T) {
	topic := NewTopic("test.T", "{t}/{n}/{t}", String(text), Int(number))
	var f struct {
		Text string
		N    int64
	}
	got, err := Parse(topic, "a%20b/7/a%20b", &f, &f.Text, &f.N)
	if err != nil || got.Text != "a b" || got.N != 7 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Parse(topic, "a/7/b", &f, &f.Text, &f.N); gozmq.CodeOf(err) != gozmq.CodeInvalidArgument {
		t.Errorf("two values of one field: %v", err)
	}
}

func TestTopicAllocations(t *testing.T) {
	all := NewTopic("test.T", "w/{text}/{number}/{flag}/{kind}", String(text), Int(number), Bool(flag), Enum(kind))
	b, m := make([]byte, 0, 256), &emptypb.Empty{}
	if got := testing.AllocsPerRun(100, func() {
		b = (*described[emptypb.Empty, *emptypb.Empty])(all).Append(b[:0], m)
	}); got != 0 {
		t.Errorf("%v allocations per topic, want 0", got)
	}
}

func BenchmarkTopic(b *testing.B) {
	t := NewTopic("test.T", "weather/{text}/{number}", String(text), Int(number))
	buf, m := make([]byte, 0, 256), &emptypb.Empty{}
	b.ReportAllocs()
	for b.Loop() {
		buf = (*described[emptypb.Empty, *emptypb.Empty])(t).Append(buf[:0], m)
	}
}
