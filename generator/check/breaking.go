package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// Breaking returns the findings of all breaking rules: the changes in the new image
// that break peers with the old one. It checks the old image's files that are not
// imports, and looks for their declarations in all files of the new one, so a
// declaration may move to another file. It does not report faults of either image;
// Lint does.
func Breaking(old, now *Image, opts Options) ([]Finding, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	before, err := newSchema(old, opts, true, withPackages(old.files, true))
	if err != nil {
		return nil, fmt.Errorf("the old files: %w", err)
	}
	after, err := newSchema(now, opts, true, withPackages(now.files, true))
	if err != nil {
		return nil, err
	}
	c := &comparison{old: before, now: after}
	for _, f := range before.files {
		for _, s := range f.Services {
			if before.checked(s.FullName) {
				c.service(s)
			}
		}
		for _, m := range f.Messages {
			if before.checked(m.FullName) {
				c.message(m)
			}
		}
	}
	return sorted(c.findings), nil
}

// A comparison collects the findings about two images.
type comparison struct {
	old, now *schema
	findings []Finding
}

// A pair is a declaration of the old files and its counterpart in the new ones. The
// two names differ if the name is not on the wire.
type pair struct {
	old, now string
	// oldSub and nowSub are the paths to the compared parts.
	oldSub, nowSub []int32
}

func same(name string, sub []int32) pair { return pair{name, name, sub, sub} }

// in returns the pair with another part of it.
func (p pair) in(sub []int32) pair { return pair{p.old, p.now, sub, sub} }

func (c *comparison) add(rule string, p pair, format string, args ...any) {
	c.findings = append(c.findings, Finding{
		Rule: rule, Name: p.now, Message: fmt.Sprintf(format, args...),
		At: c.now.at(p.now, p.nowSub...), Against: c.old.at(p.old, p.oldSub...),
	})
}

// gone adds a finding about a declaration that the new files lack. Its place is
// parent, if the new files have that, otherwise the file of the same name.
func (c *comparison) gone(rule, name, parent string, sub []int32, format string, args ...any) {
	f := Finding{Rule: rule, Name: name, Message: fmt.Sprintf(format, args...), Against: c.old.at(name, sub...)}
	if f.At = c.now.at(parent); f.At.File == "" && c.now.sources[f.Against.File] != nil {
		f.At.File = f.Against.File
	}
	c.findings = append(c.findings, f)
}

// service compares a service with the new one of the same name. If the name is not
// on the wire, it may be a service of another name.
func (c *comparison) service(s *plan.Service) {
	now := c.now.services[s.FullName]
	if now == nil {
		now = c.renamed(s)
	}
	if now == nil {
		c.goneService(s)
		return
	}
	p := pair{s.FullName, now.FullName, plan.ServiceOption(), plan.ServiceOption()}
	if patternOf(s) != patternOf(now) {
		c.add(ruleSamePattern, p, "its pattern was %s and is %s: %s; keep the pattern, and add another service beside this one",
			patternOf(s), patternOf(now), strangers(s))
		return
	}
	if isBare(s) != isBare(now) {
		c.add(ruleSameFraming, p, "its framing was %s and is %s: %s, since each reads frames that the other does not send; keep the framing, and add another service beside this one",
			framingOf(s), framingOf(now), strangers(s))
		return
	}
	if s.PushPull != nil && s.PushPull.AtLeastOnce != now.PushPull.AtLeastOnce {
		c.delivery(p.in(plan.ServiceDelivery()), s.PushPull.AtLeastOnce, "service")
		return
	}
	for _, m := range s.Methods {
		c.method(s, now, m)
	}
}

// renamed finds the new service that replaces a bare service, of which only the
// bodies are on the wire.
func (c *comparison) renamed(s *plan.Service) *plan.Service {
	if !isBare(s) || len(s.Methods) != 1 {
		return nil
	}
	for _, f := range c.now.files {
		for _, other := range f.Services {
			if c.old.services[other.FullName] == nil && isBare(other) && patternOf(other) == patternOf(s) &&
				len(other.Methods) == 1 && c.alike(s.Methods[0], other.Methods[0]) {
				return other
			}
		}
	}
	return nil
}

// alike reports whether two methods have messages of the same names, whatever
// the packages are.
func (c *comparison) alike(old, now *plan.Method) bool {
	return old.Input.GoName == now.Input.GoName && old.Output.GoName == now.Output.GoName
}

// goneService reports a deleted service, by the parts that are missing on the wire.
func (c *comparison) goneService(s *plan.Service) {
	if s.PubSub != nil && !isBare(s) {
		for _, m := range s.Methods {
			c.topicGone(m, s.FullName)
		}
		return
	}
	var names []string
	for _, m := range s.Methods {
		names = append(names, shortName(m.FullName))
	}
	const most = 8
	if len(names) > most {
		names = append(names[:most:most], "…")
	}
	what := "the service is gone"
	if len(names) > 0 {
		what += ", with " + strings.Join(names, ", ")
	}
	if isBare(s) {
		c.gone(goneRule(s), s.FullName, "", nil, "%s: %s; keep it until no peer uses it", what, strangers(s))
		return
	}
	c.gone(goneRule(s), s.FullName, "", nil, "%s: %s; keep it, marked as deprecated, until no peer uses it%s", what, goneEffect(s), c.elsewhere(s.FullName))
}

// elsewhere names the new service that has the short name of a deleted one.
func (c *comparison) elsewhere(name string) string {
	var found []string
	for other := range c.now.services {
		if shortName(other) == shortName(name) && c.old.services[other] == nil {
			found = append(found, other)
		}
	}
	if len(found) == 0 {
		return ""
	}
	slices.Sort(found)
	return fmt.Sprintf("; to the wire %s is another service, since the full name is part of each message: have both for a while", found[0])
}

// method compares a method with the new service's method of the same name.
func (c *comparison) method(s, service *plan.Service, m *plan.Method) {
	now := c.counterpart(service, m)
	switch {
	case now == nil && s.PubSub != nil:
		c.topicGone(m, service.FullName)
		return
	case now == nil:
		c.gone(goneRule(s), m.FullName, service.FullName, nil,
			"the method is gone: %s; keep it, marked as deprecated, until no peer uses it: a method of another name is another one on the wire", goneEffect(s))
		return
	}
	p := pair{old: m.FullName, now: now.FullName}
	switch {
	case s.PubSub != nil && m.Topic != nil && now.Topic != nil:
		c.topic(p.in(plan.MethodTopic()), m.Topic, now.Topic)
	case s.PushPull != nil:
		c.task(p.in(plan.MethodTask()), m.Task, now.Task)
		c.result(p, m, now)
	case s.ReqRep != nil:
		c.call(p, m, now)
	}
}

// counterpart finds the new version of a method in a service. It may have another
// name if it is bare.
func (c *comparison) counterpart(service *plan.Service, m *plan.Method) *plan.Method {
	for _, now := range service.Methods {
		if shortName(now.FullName) == shortName(m.FullName) {
			return now
		}
	}
	if isBare(service) && len(service.Methods) == 1 && c.alike(m, service.Methods[0]) {
		return service.Methods[0]
	}
	return nil
}

// message compares the topic and the task of a message.
func (c *comparison) message(m *plan.Message) {
	now := c.now.messages[m.FullName]
	if m.Topic != nil {
		if now != nil && now.Topic != nil {
			c.topic(same(m.FullName, plan.MessageTopic()), m.Topic, now.Topic)
		} else {
			c.messageTopicGone(m)
		}
	}
	if m.TaskVar == "" {
		return
	}
	if now == nil || now.TaskVar == "" {
		c.messageTaskGone(m)
		return
	}
	p := same(m.FullName, plan.MessageTask())
	if m.Task.AtLeastOnce != now.Task.AtLeastOnce {
		c.delivery(p, m.Task.AtLeastOnce, "message")
		return
	}
	c.task(p, m.Task, now.Task)
}
