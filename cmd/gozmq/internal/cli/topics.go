package cli

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// maxPatterns bounds the combinations of --filter.
const maxPatterns = 1000

// maxKnownTopics bounds how many topics a selection remembers the methods of.
const maxKnownTopics = 10_000

// A selection is the topics that a line names: topics of methods, each with the
// fields that filters fix, or, with --raw, topics that begin with a text.
type selection struct {
	methods  []*schema.Method
	patterns []gozmq.TopicPattern
	bare     *schema.Method // a topic with bare framing, which excludes all others
	known    map[string]*schema.Method
}

// selectTopics returns the topics that names name; without any all of s. A name is
// a method's, a service's or a topic as it stands on the wire. With a nil s it is
// the beginning of topics.
func selectTopics(s *schema.Schema, names, filters []string, bare bool) (*selection, error) {
	sel := &selection{known: make(map[string]*schema.Method)}
	if s == nil {
		return sel, sel.addRaw(names, filters, bare)
	}
	if len(names) == 0 {
		return sel, sel.addAll(s, filters)
	}
	for _, name := range names {
		if err := sel.add(s, name, filters); err != nil {
			return nil, err
		}
	}
	return sel, sel.check()
}

func (sel *selection) addRaw(prefixes, filters []string, bare bool) error {
	switch {
	case len(filters) > 0:
		return wrongf("--filter needs a schema; with --raw write how the topics begin, as weather/ams/")
	case bare && len(prefixes) > 0:
		return wrongf("messages with bare framing have no topic; leave %q out", prefixes[0])
	case bare:
		sel.bare = schema.Raw("bare", gozmq.PatternPubSub, true)
		return nil
	case len(prefixes) == 0:
		prefixes = []string{""}
	}
	for _, p := range prefixes {
		sel.patterns = append(sel.patterns, gozmqimpl.PrefixPattern(p))
	}
	return nil
}

// addAll adds every topic that has the fields of the filters.
func (sel *selection) addAll(s *schema.Schema, filters []string) error {
	var last error
	for _, m := range s.Methods {
		if m.Pattern == gozmq.PatternPubSub {
			if err := sel.addMethod(m, filters); err != nil {
				last = err
			}
		}
	}
	switch {
	case len(sel.methods) > 0:
		return sel.check()
	case last != nil:
		return last
	}
	return wrongf("%s has no topic; gozmq list says what it has", s.Source)
}

// add adds the topics that a name selects.
func (sel *selection) add(s *schema.Schema, name string, filters []string) error {
	if svc := s.Service(name); svc != nil && svc.Pattern == gozmq.PatternPubSub {
		for _, m := range svc.Methods {
			if err := sel.addMethod(m, filters); err != nil {
				return err
			}
		}
		return nil
	}
	m, err := s.Method(name, gozmq.PatternPubSub)
	if err == nil {
		return sel.addMethod(m, filters)
	}
	if m, failed := topicMethod(s, name); failed != nil {
		return wrong(failed)
	} else if m != nil {
		sel.methods = append(sel.methods, m)
		sel.patterns = append(sel.patterns, gozmqimpl.NewTopic[raw.Message](m.Procedure, name).Pattern())
		return nil
	}
	return wrong(err)
}

// topicMethod returns the method of a topic as it stands on the wire; nil when
// name does not look like one; an error when it begins like a topic and does not
// match its template.
func topicMethod(s *schema.Schema, name string) (*schema.Method, error) {
	var misfit error
	for _, m := range s.Methods {
		if m.Topic == nil {
			continue
		}
		_, err := m.Topic.Parse(name)
		if err == nil {
			return m, nil
		}
		begin, _, _ := strings.Cut(m.Topic.Template, "{")
		if begin != "" && strings.HasPrefix(name, begin) {
			misfit = wrongf("topic %q does not match the template %s of %s: %w", name, m.Topic.Template, m.Procedure, err)
		}
	}
	return nil, misfit
}

func (sel *selection) addMethod(m *schema.Method, filters []string) error {
	if m.Bare {
		if len(filters) > 0 {
			return wrongf("%s has bare framing, so its messages have no topic to filter by", m.Procedure)
		}
		sel.bare = m
		sel.methods = append(sel.methods, m)
		return nil
	}
	combinations, err := combine(filters)
	if err != nil {
		return err
	}
	for _, values := range combinations {
		p, err := m.Topic.Match(values)
		if err != nil {
			return wrong(err)
		}
		sel.patterns = append(sel.patterns, p)
	}
	sel.methods = append(sel.methods, m)
	return nil
}

func (sel *selection) check() error {
	if sel.bare != nil && len(sel.methods) > 1 {
		return wrongf("%s has bare framing, which says not what a message is; name it alone, or other topics", sel.bare.Procedure)
	}
	return nil
}

// combine returns what filters of the form field=value ask for: several values of
// one field are alternatives, several fields have to match together.
func combine(filters []string) ([]map[string]string, error) {
	all := []map[string]string{{}}
	alternatives := map[string][]string{}
	var fields []string
	for _, f := range filters {
		field, value, ok := strings.Cut(f, "=")
		if !ok || field == "" {
			return nil, wrongf("--filter %s: write FIELD=VALUE", f)
		}
		if !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
		alternatives[field] = append(alternatives[field], value)
	}
	for _, field := range fields {
		var next []map[string]string
		for _, have := range all {
			for _, value := range alternatives[field] {
				with := map[string]string{field: value}
				maps.Copy(with, have)
				next = append(next, with)
			}
		}
		if all = next; len(all) > maxPatterns {
			return nil, wrongf("the filters have more than %d combinations; filter by fewer values", maxPatterns)
		}
	}
	return all, nil
}

// open opens one subscription to all of the topics.
func (sel *selection) open(s *gozmq.Subscriber) (gozmq.Subscription[*raw.Message, gozmq.TopicPattern], error) {
	if sel.bare != nil {
		return gozmqimpl.OpenAll(s, gozmqimpl.NewBareTopic[raw.Message](sel.bare.Procedure), nil)
	}
	t := gozmqimpl.NewTopic[raw.Message]("gozmq sub", "").With(gozmqimpl.Sequenced)
	return gozmqimpl.Open(s, t, sel.patterns, nil)
}

// method returns the method whose topic it is; nil: it is not known.
func (sel *selection) method(topic string) *schema.Method {
	if sel.bare != nil {
		return sel.bare
	}
	if m, ok := sel.known[topic]; ok {
		return m
	}
	var found *schema.Method
	for _, m := range sel.methods {
		if _, err := m.Topic.Parse(topic); err == nil {
			found = m
			break
		}
	}
	if len(sel.known) >= maxKnownTopics {
		clear(sel.known)
	}
	sel.known[topic] = found
	return found
}

// inputOf returns the type of a method's messages; nil: it is not known.
func inputOf(m *schema.Method) protoreflect.MessageDescriptor {
	if m == nil {
		return nil
	}
	return m.Input
}

// An inputMessage is a message as it was read: its bytes, and the message where
// its type is known.
type inputMessage struct {
	body    []byte
	message protoreflect.Message
}
