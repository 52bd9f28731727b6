package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// A Topic is the topic of a PUB/SUB method or of a message.
type Topic struct {
	// Name is the procedure, or the message's full name.
	Name string
	// Template is the template on the wire: the name if the annotation has none.
	Template string
	Fields   []TopicField

	Sequenced, Retained, LatestOnly bool
	// Snapshot is the REQ/REP procedure whose reply is the state behind the
	// topic; "": none.
	Snapshot string
}

// A TopicField is a field of the message that the template names.
type TopicField struct {
	// Path is the path in the template, such as "customer.id".
	Path   string
	fields []protoreflect.FieldDescriptor
}

// methodTopic returns the topic of a method: its own, otherwise its input's,
// otherwise its name (as the generator plans it).
func methodTopic(procedure string, d protoreflect.MethodDescriptor, own *annotations.Topic) *Topic {
	inherited := messageOptions(d.Input()).GetTopic()
	traits := own
	if own == nil {
		traits = inherited
	}
	template := own.GetTemplate()
	bareOwn := own != nil && !own.GetSequenced() && !own.GetRetain() && !own.GetLatestOnly() && own.GetSnapshot() == ""
	if template == "" && !bareOwn {
		template = inherited.GetTemplate()
	}
	return topicOf(procedure, template, d.Input(), traits)
}

// newTopic returns the topic of a message.
func newTopic(name string, d protoreflect.MessageDescriptor, t *annotations.Topic) *Topic {
	return topicOf(name, t.GetTemplate(), d, t)
}

func topicOf(name, template string, d protoreflect.MessageDescriptor, traits *annotations.Topic) *Topic {
	t := &Topic{
		Name: name, Template: template, Snapshot: traits.GetSnapshot(),
		Sequenced: traits.GetSequenced(), Retained: traits.GetRetain(), LatestOnly: traits.GetLatestOnly(),
	}
	if template == "" {
		t.Template = name
		return t
	}
	for rest := template; ; {
		_, after, found := strings.Cut(rest, "{")
		path, tail, closed := strings.Cut(after, "}")
		if !found || !closed {
			return t
		}
		rest = tail
		if !slices.ContainsFunc(t.Fields, func(f TopicField) bool { return f.Path == path }) {
			t.Fields = append(t.Fields, TopicField{Path: path, fields: resolve(d, path)})
		}
	}
}

// resolve returns the fields on the way to path; nil: there is no such way.
func resolve(d protoreflect.MessageDescriptor, path string) (list []protoreflect.FieldDescriptor) {
	for _, name := range strings.Split(path, ".") {
		if d == nil {
			return nil
		}
		f := d.Fields().ByName(protoreflect.Name(name))
		if f == nil || f.IsList() || f.IsMap() {
			return nil
		}
		list = append(list, f)
		d = f.Message()
	}
	return list
}

// Values returns the values of m's fields, in the order of Fields, as they stand
// in a topic before percent-encoding.
func (t *Topic) Values(m protoreflect.Message) []string {
	values := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		values[i] = f.value(m)
	}
	return values
}

func (f TopicField) value(m protoreflect.Message) string {
	for i, fd := range f.fields {
		v := m.Get(fd)
		if i < len(f.fields)-1 {
			m = v.Message()
			continue
		}
		if e := fd.Enum(); e != nil {
			if named := e.Values().ByNumber(v.Enum()); named != nil {
				return string(named.Name())
			}
			return strconv.Itoa(int(v.Enum()))
		}
		return v.String()
	}
	return ""
}

// traits returns the topic's traits for the runtime.
func (t *Topic) traits() (traits gozmqimpl.Traits) {
	if t.Sequenced {
		traits |= gozmqimpl.Sequenced
	}
	if t.Retained {
		traits |= gozmqimpl.Retained
	}
	if t.LatestOnly {
		traits |= gozmqimpl.LatestOnly
	}
	return traits
}

// Dynamic returns the topic for the runtime. To publish, a message's Values must be
// the result of Values.
func (t *Topic) Dynamic() *gozmqimpl.Topic[raw.Message, *raw.Message] {
	fields := make([]gozmqimpl.Field[*raw.Message], len(t.Fields))
	for i := range fields {
		fields[i] = gozmqimpl.String(func(m *raw.Message) string {
			if i < len(m.Values) {
				return m.Values[i]
			}
			return ""
		})
	}
	return gozmqimpl.NewTopic[raw.Message](t.Name, t.Template, fields...).With(t.traits())
}

// Match returns the pattern of the topics whose fields have these values, by
// path. An error names the fault of a path or a value.
func (t *Topic) Match(values map[string]string) (gozmq.TopicPattern, error) {
	matches := make([]any, len(t.Fields))
	used := 0
	for i, f := range t.Fields {
		v, given := values[f.Path]
		if !given {
			continue
		}
		v, err := f.parse(v)
		if err != nil {
			return gozmq.TopicPattern{}, err
		}
		matches[i], used = gozmq.Eq(v), used+1
	}
	if used < len(values) {
		for path := range values {
			if !slices.ContainsFunc(t.Fields, func(f TopicField) bool { return f.Path == path }) {
				return gozmq.TopicPattern{}, t.noField(path)
			}
		}
	}
	return t.Dynamic().Pattern(matches...), nil
}

func (t *Topic) noField(path string) error {
	if len(t.Fields) == 0 {
		return fmt.Errorf("the topic %s has no field to filter by; leave %s out", t.Template, path)
	}
	var paths []string
	for _, f := range t.Fields {
		paths = append(paths, f.Path)
	}
	return fmt.Errorf("the topic %s has no field %q; it has %s", t.Template, path, strings.Join(paths, ", "))
}

// parse returns v as topics have it.
func (f TopicField) parse(v string) (string, error) {
	if len(f.fields) == 0 {
		return v, nil
	}
	fd := f.fields[len(f.fields)-1]
	wrong := func(want string) (string, error) {
		return "", fmt.Errorf("%s=%s: the field is %s; write %s", f.Path, v, fd.Kind(), want)
	}
	switch fd.Kind() {
	case protoreflect.StringKind:
		return v, nil
	case protoreflect.BoolKind:
		if v != "true" && v != "false" {
			return wrong("true or false")
		}
		return v, nil
	case protoreflect.EnumKind:
		if fd.Enum().Values().ByName(protoreflect.Name(v)) == nil {
			if _, err := strconv.ParseInt(v, 10, 32); err != nil {
				return wrong("the name of a value of " + string(fd.Enum().FullName()))
			}
		}
		return v, nil
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, err := strconv.ParseUint(v, 10, bits(fd))
		if err != nil {
			return wrong("a number from 0")
		}
		return strconv.FormatUint(n, 10), nil
	default:
		n, err := strconv.ParseInt(v, 10, bits(fd))
		if err != nil {
			return wrong("a number")
		}
		return strconv.FormatInt(n, 10), nil
	}
}

func bits(fd protoreflect.FieldDescriptor) int {
	if strings.HasSuffix(fd.Kind().String(), "32") {
		return 32
	}
	return 64
}

// Parse returns the values of the fields of a topic, in the order of Fields. An
// error says that text is not a topic of the template.
func (t *Topic) Parse(text string) ([]string, error) {
	values := make([]string, len(t.Fields))
	to := make([]any, len(values))
	for i := range to {
		to[i] = &values[i]
	}
	return gozmqimpl.Parse(t.Dynamic(), text, &values, to...)
}
