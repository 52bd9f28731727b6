package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// topic compares two versions of a topic, unless the template of one has a
// fault.
func (c *comparison) topic(p pair, old, now *plan.Topic) {
	if len(old.Segments) > 0 && len(now.Segments) > 0 && !covers(old, now) {
		c.add(ruleSameTemplate, p, "its topic was %q and is %q%s: old subscribers get nothing from new publishers, nor new subscribers from old publishers, and nobody gets an error; keep the topic, and publish the other one with another method beside this one",
			text(old), text(now), difference(old, now))
	}
	const keep = "; keep it, or add another method with another topic beside this one"
	if has(old, "Retained") && !has(now, "Retained") {
		c.add(ruleRetain, p, "retain is gone: an old subscriber that joins new publishers gets no last message first, and waits for the next one"+keep)
	}
	if has(old, "Sequenced") && !has(now, "Sequenced") {
		c.add(ruleSequenced, p, "sequenced is gone: old subscribers of new publishers are no longer told of missed messages, restarts and lags, and take a stream with gaps for a whole one"+keep)
	}
	if has(old, "LatestOnly") && !has(now, "LatestOnly") {
		c.add(ruleLatestOnly, p, "latest_only is gone: a subscriber that does not keep up gets old messages late, and loses new ones when its queue is full"+keep)
	}
	if !has(old, "LatestOnly") && has(now, "LatestOnly") {
		c.add(ruleLatestOnly, p, "latest_only is new: a subscriber that does not keep up loses messages between the newest ones, which it may need; remove it, or add another method with another topic beside this one")
	}
	c.snapshot(p, old, now, keep)
}

func (c *comparison) snapshot(p pair, old, now *plan.Topic, keep string) {
	switch {
	case old.Snapshot == nil:
	case now.Snapshot == nil:
		c.add(ruleSnapshot, p, "its snapshot is gone: old subscribers that follow the state still call %s, and find no position in its reply"+keep, old.Snapshot.Method.Procedure)
	case old.Snapshot.Method.Procedure != now.Snapshot.Method.Procedure:
		c.add(ruleSnapshot, p, "its snapshot was %s and is %s: old subscribers that follow the state still call the former"+keep,
			old.Snapshot.Method.Procedure, now.Snapshot.Method.Procedure)
	}
}

func has(t *plan.Topic, trait string) bool { return slices.Contains(t.Traits, trait) }

// covers reports whether the new topic has the same form on the wire as the old
// one. It compares fields by number and kind, not by name, and an enum may have new
// values.
func covers(old, now *plan.Topic) bool {
	if len(old.Segments) != len(now.Segments) {
		return false
	}
	for i, s := range old.Segments {
		n := now.Segments[i]
		if s.Literal != n.Literal || s.Kind != n.Kind || !slices.Equal(s.Numbers, n.Numbers) || renamedValue(s, n) != "" {
			return false
		}
	}
	return true
}

// renamedValue describes an enum value whose name has changed.
func renamedValue(old, now plan.Segment) string {
	for _, n := range slices.Sorted(maps.Keys(old.Values)) {
		before, after := old.Values[n], now.Values[n]
		if after == "" {
			after = protoreflect.Name(fmt.Sprint(n))
		}
		if before != after {
			return fmt.Sprintf("value %d of its enum was %q and is %q", n, before, after)
		}
	}
	return ""
}

// difference describes where two topics differ, although their templates may look
// alike.
func difference(old, now *plan.Topic) string {
	if len(old.Segments) != len(now.Segments) {
		return ""
	}
	for i, s := range old.Segments {
		n := now.Segments[i]
		if s.Path == "" || n.Path == "" || s.Path != n.Path {
			continue
		}
		switch {
		case !slices.Equal(s.Numbers, n.Numbers):
			return fmt.Sprintf(", where {%s} was field %s and is field %s", s.Path, numbers(s), numbers(n))
		case s.Kind != n.Kind:
			return fmt.Sprintf(", where {%s} was %s and is %s", s.Path, kindNames[s.Kind], kindNames[n.Kind])
		case renamedValue(s, n) != "":
			return fmt.Sprintf(", where {%s} stands for another text: %s", s.Path, renamedValue(s, n))
		}
	}
	return ""
}

var kindNames = map[string]string{"String": "a string", "Int": "an integer", "Bool": "a bool", "Enum": "an enum"}

func numbers(s plan.Segment) string {
	var out []string
	for _, n := range s.Numbers {
		out = append(out, fmt.Sprint(n))
	}
	return strings.Join(out, ".")
}

// topicGone compares the topic of a deleted method with a new topic that is the
// same on the wire, and reports it if there is none.
func (c *comparison) topicGone(m *plan.Method, parent string) {
	if m.Topic == nil {
		c.gone(ruleTopicKept, m.FullName, parent, nil, "the method is gone: old subscribers get nothing from new publishers; keep it until nobody subscribes to it")
		return
	}
	if other := c.publishedAs(m.Topic, m.Input.GoName); other != nil {
		c.topic(pair{m.FullName, other.name, plan.MethodTopic(), other.sub}, m.Topic, other.Topic)
		return
	}
	c.reportTopicGone(m.FullName, parent, plan.MethodTopic(), m.Topic)
}

// messageTopicGone does the same for the topic of a message.
func (c *comparison) messageTopicGone(m *plan.Message) {
	if other := c.publishedAs(m.Topic, m.Ident.GoName); other != nil {
		c.topic(pair{m.FullName, other.name, plan.MessageTopic(), other.sub}, m.Topic, other.Topic)
		return
	}
	c.reportTopicGone(m.FullName, m.FullName, plan.MessageTopic(), m.Topic)
}

func (c *comparison) reportTopicGone(name, parent string, sub []int32, t *plan.Topic) {
	remedy := "go on publishing it, marked as deprecated, until nobody subscribes to it"
	if t.Template == "" {
		remedy += ", or give a method of another name this text as its template"
	}
	c.gone(ruleTopicKept, name, parent, sub, "nothing is published under its topic %q now: old subscribers get nothing from new publishers, and no error; %s", text(t), remedy)
}

// publishedAs finds a topic of the new files that is the same on the wire, for a
// message of the same short name.
func (c *comparison) publishedAs(t *plan.Topic, message string) *publication {
	for _, f := range c.now.files {
		for _, p := range publications(f) {
			if len(t.Segments) > 0 && covers(t, p.Topic) && p.message == message {
				return &p
			}
		}
	}
	return nil
}
