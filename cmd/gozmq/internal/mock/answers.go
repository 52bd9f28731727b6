// Package mock has the answers of a mock server, from a file or as echoes.
package mock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/yamlfile"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// Answers are the answers of methods. The zero value echoes everything.
type Answers struct {
	methods map[string][]*Answer
	types   schema.Types
}

// An Answer is what a method answers to some requests.
type Answer struct {
	// Replies are encoded messages: one, or all messages of a stream.
	Replies [][]byte
	// Err ends the call after the replies; nil: none.
	Err error
	// Interval is the pause after each reply of a stream.
	Interval time.Duration

	delay             time.Duration
	headers, trailers map[string]string
	when              any // part of the request, as JSON; nil: every request
}

// answerYAML is an answer in a file.
type answerYAML struct {
	When     any               `yaml:"when"`
	Reply    any               `yaml:"reply"`
	Replies  []any             `yaml:"replies"`
	Error    *errorYAML        `yaml:"error"`
	Delay    time.Duration     `yaml:"delay"`
	Interval time.Duration     `yaml:"interval"`
	Headers  map[string]string `yaml:"headers"`
	Trailers map[string]string `yaml:"trailers"`
}

type errorYAML struct {
	Code    string `yaml:"code"`
	Message string `yaml:"message"`
	Details []any  `yaml:"details"`
}

// Load reads answers, and checks that they fit the methods of s.
func Load(path string, s *schema.Schema) (*Answers, error) {
	var file map[string][]answerYAML
	if err := yamlfile.Read(path, &file); err != nil {
		return nil, err
	}
	all := &Answers{methods: map[string][]*Answer{}, types: s.Types}
	for name, list := range file {
		m, err := s.Method(name, gozmq.PatternReqRep)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for i, y := range list {
			answer, err := all.answer(m, y)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: answer %d: %w", path, m.Procedure, i+1, err)
			}
			all.methods[m.Procedure] = append(all.methods[m.Procedure], answer)
		}
	}
	return all, nil
}

// answer checks one answer and encodes its replies.
func (a *Answers) answer(m *schema.Method, y answerYAML) (*Answer, error) {
	out := &Answer{delay: y.Delay, Interval: y.Interval, headers: y.Headers, trailers: y.Trailers, when: plain(y.When)}
	replies := y.Replies
	if y.Reply != nil {
		replies = append([]any{y.Reply}, replies...)
	}
	for i, v := range replies {
		body, err := a.encode(fmt.Sprint("reply ", i+1), m.Output, v)
		if err != nil {
			return nil, err
		}
		out.Replies = append(out.Replies, body)
	}
	if y.When != nil {
		if _, err := a.encode("when", m.Input, y.When); err != nil {
			return nil, err
		}
	}
	if y.Error != nil {
		var err error
		if out.Err, err = a.failure(*y.Error); err != nil {
			return nil, fmt.Errorf("error: %w", err)
		}
	}
	if !m.ServerStreams && len(out.Replies) > 1 {
		return nil, errors.New("several replies, and the method does not stream them")
	}
	if !m.ServerStreams && len(out.Replies) == 0 && out.Err == nil {
		return nil, errors.New("neither a reply nor an error")
	}
	return out, nil
}

// encode returns a value of YAML as an encoded message; name is for errors.
func (a *Answers) encode(name string, d protoreflect.MessageDescriptor, v any) ([]byte, error) {
	b, err := json.Marshal(plain(v))
	if err != nil {
		return nil, err
	}
	body, _, err := message.NewReader(name, strings.NewReader(string(b)), message.JSON, d, a.types).Next()
	return body, err
}

// plain converts a value of YAML to the form of encoding/json.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = plain(x)
		}
		return out
	case map[any]any:
		out := map[string]any{}
		for k, x := range v {
			out[fmt.Sprint(k)] = plain(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = plain(x)
		}
		return out
	case int:
		return float64(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return v
}

// failure returns an error of a file.
func (a *Answers) failure(y errorYAML) (error, error) {
	out := &gozmq.Error{Message: y.Message}
	for c := gozmq.CodeCanceled; c <= gozmq.CodeUnauthenticated; c++ {
		if c.String() == strings.ToLower(y.Code) {
			out.Code = c
		}
	}
	if out.Code == 0 {
		return nil, fmt.Errorf("code %q is unknown; write one as not_found", y.Code)
	}
	for _, v := range y.Details {
		b, err := json.Marshal(plain(v))
		if err != nil {
			return nil, err
		}
		d := &anypb.Any{}
		if err := (protojson.UnmarshalOptions{Resolver: a.types}).Unmarshal(b, d); err != nil {
			return nil, fmt.Errorf("details: %w; write a message with its \"@type\"", err)
		}
		out.Details = append(out.Details, d)
	}
	return out, nil
}

// For returns the answer of a method to a request.
func (a *Answers) For(m *schema.Method, req []byte) (*Answer, error) {
	list, there := a.methods[m.Procedure]
	if !there {
		return a.echo(m, req)
	}
	i := slices.IndexFunc(list, func(answer *Answer) bool { return answer.when == nil })
	if i != 0 { // the first answer needs to be compared
		got, err := a.decode(m.Input, req)
		if err != nil {
			return nil, err
		}
		i = slices.IndexFunc(list, func(answer *Answer) bool { return answer.when == nil || part(answer.when, got) })
	}
	if i < 0 {
		return nil, gozmq.Errorf(gozmq.CodeNotFound, "no answer fits this request")
	}
	return list[i], nil
}

// decode returns a request as JSON with all its fields.
func (a *Answers) decode(d protoreflect.MessageDescriptor, req []byte) (got any, err error) {
	p := message.Printer{Types: a.types, Defaults: true}
	b, err := p.JSON(req, d)
	if err != nil {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "%w", err)
	}
	return got, json.Unmarshal(b, &got)
}

// part reports whether want, of an object some fields, is part of got.
func part(want, got any) bool {
	fields, ok := want.(map[string]any)
	if !ok {
		return reflect.DeepEqual(want, got)
	}
	object, ok := got.(map[string]any)
	for name, v := range fields {
		x, has := object[name]
		if !ok || !has || !part(v, x) {
			return false
		}
	}
	return ok
}

// echo returns the fields of a request that the reply has, too; of bytes the same.
func (a *Answers) echo(m *schema.Method, req []byte) (*Answer, error) {
	if m.Output == nil || m.Input == m.Output {
		return &Answer{Replies: [][]byte{req}}, nil
	}
	b, err := (message.Printer{Types: a.types}).JSON(req, m.Input)
	if err != nil {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "%w", err)
	}
	reply := dynamicpb.NewMessage(m.Output)
	// Where a field has another type, the reply ends before it.
	_ = protojson.UnmarshalOptions{DiscardUnknown: true, AllowPartial: true, Resolver: a.types}.Unmarshal(b, reply)
	body, err := message.Marshal(reply)
	return &Answer{Replies: [][]byte{body}}, err
}

// Begin waits for the answer's delay, and sends its headers and trailers.
func (a *Answer) Begin(ctx context.Context) error {
	if info := gozmq.CallInfoFromContext(ctx); info != nil {
		for k, v := range a.headers {
			if err := info.AddReplyHeader(k, v); err != nil {
				return err
			}
		}
		for k, v := range a.trailers {
			if err := info.AddReplyTrailer(k, v); err != nil {
				return err
			}
		}
	}
	return Sleep(ctx, a.delay)
}

// Sleep waits, until ctx ends.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
