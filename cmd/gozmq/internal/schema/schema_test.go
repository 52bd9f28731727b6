package schema

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/dynamicpb"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// example returns the schema of the examples' .proto files.
func example(t *testing.T) *Schema {
	t.Helper()
	const root = "../../../../example/proto"
	var paths []string
	for _, name := range []string{"weather", "image", "stock", "chat", "greet"} {
		paths = append(paths, root+"/"+name+"/v1/"+name+".proto")
	}
	s, err := Protos(t.Context(), paths, []string{root})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMethod(t *testing.T) {
	s := example(t)
	tests := []struct {
		name    string
		pattern gozmq.Pattern
		want    string
		fails   string
	}{
		{name: "greet.v1.Greeter/SayHello", want: "greet.v1.Greeter/SayHello"},
		{name: "greet.v1.Greeter.SayHello", want: "greet.v1.Greeter/SayHello"},
		{name: "Greeter/SayHello", want: "greet.v1.Greeter/SayHello"},
		{name: "SayHello", want: "greet.v1.Greeter/SayHello"},
		{name: "Hello", fails: `there is no method "Hello"`},
		{name: "Render", fails: `"Render" is the name of image.v1.Prints/Render and of image.v1.Thumbnails/Render`},
		{name: "Prints/Render", pattern: gozmq.PatternPushPull, want: "image.v1.Prints/Render"},
		{name: "Alerts", pattern: gozmq.PatternReqRep, fails: "weather.v1.Feed/Alerts is a topic (PUB/SUB), not a call (REQ/REP); use gozmq pub or gozmq sub"},
		{name: "Feed/Alert", pattern: gozmq.PatternPubSub, fails: "did you mean weather.v1.Feed/Alerts?"},
		{name: "", fails: `there is no method ""`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := s.Method(tt.name, tt.pattern)
			switch {
			case tt.fails != "":
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("got %v", err)
				}
			case err != nil || m.Procedure != tt.want:
				t.Errorf("got %v, %v", m, err)
			}
		})
	}
}

func TestTopic(t *testing.T) {
	m, err := example(t).Method("Alerts", gozmq.PatternPubSub)
	if err != nil {
		t.Fatal(err)
	}
	alert := dynamicpb.NewMessage(m.Input)
	fields := m.Input.Fields()
	alert.Set(fields.ByName("region"), protoreflect.ValueOfString("a/b"))
	alert.Set(fields.ByName("severity"), protoreflect.ValueOfEnum(3))
	values := m.Topic.Values(alert)
	if !slices.Equal(values, []string{"SEVERITY_WARNING", "a/b"}) {
		t.Errorf("the values are %q", values)
	}
	if !m.Topic.Sequenced || !m.Topic.Retained || m.Topic.LatestOnly {
		t.Errorf("the topic is %+v", m.Topic)
	}
	parsed, err := m.Topic.Parse("alerts/SEVERITY_WARNING/a%2Fb")
	if err != nil || !slices.Equal(parsed, values) {
		t.Errorf("parsed %q, %v", parsed, err)
	}
	if _, err := m.Topic.Parse("alert/x/y"); err == nil {
		t.Error("another topic is taken")
	}
}

func TestMatch(t *testing.T) {
	m, err := example(t).Method("Alerts", gozmq.PatternPubSub)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		values map[string]string
		want   string
		fails  string
	}{
		{name: "all", want: "alerts/*/*"},
		{name: "enum", values: map[string]string{"severity": "SEVERITY_WATCH"}, want: "alerts/SEVERITY_WATCH/*"},
		{name: "both, encoded", values: map[string]string{"severity": "SEVERITY_WATCH", "region": "a/b"}, want: "alerts/SEVERITY_WATCH/a%2Fb"},
		{name: "no such value", values: map[string]string{"severity": "WATCH"}, fails: "write the name of a value of weather.v1.Severity"},
		{name: "no such field", values: map[string]string{"station": "ams"}, fails: `has no field "station"; it has severity, region`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := m.Topic.Match(tt.values)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("got %v", err)
				}
			} else if err != nil || p.String() != tt.want {
				t.Errorf("got %s, %v, want %s", p, err, tt.want)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	names := []string{"greet.v1.Greeter/SayHello", "chat.v1.Room/Chat"}
	for name, want := range map[string]string{
		"SayHelo": names[0], "sayhello": names[0], "Greter/SayHello": names[0], "chat.v1.Room/Cha": names[1], "Xyz": "", "": "",
	} {
		if got := Nearest(name, names); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
