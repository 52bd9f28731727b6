package message

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
)

// MaxSize bounds one message of the input.
const MaxSize = 64 << 20

// A Reader reads messages of one type from an input.
type Reader struct {
	// Name is the input's, for errors: a file's, or "stdin".
	Name   string
	format Format
	desc   protoreflect.MessageDescriptor // nil: unknown, so that only bytes can be read
	types  schema.Types
	in     *bufio.Reader
	done   bool
	count  int
	// For JSON: seen is the input after the last value, which begins at the offset
	// base and at origin.
	dec    *json.Decoder
	seen   *bytes.Buffer
	base   int
	origin point
}

// NewReader returns a reader of messages of the type desc; with a nil desc the
// messages are bytes that nobody looks into.
func NewReader(name string, in io.Reader, format Format, desc protoreflect.MessageDescriptor, types schema.Types) *Reader {
	r := &Reader{Name: name, format: format, desc: desc, types: types}
	if format == JSON && desc != nil {
		r.seen, r.origin = &bytes.Buffer{}, point{1, 1}
		r.dec = json.NewDecoder(io.TeeReader(in, r.seen))
		return r
	}
	r.in = bufio.NewReader(in)
	return r
}

// Next returns the next message as bytes, and as a message where the type is
// known. It returns io.EOF after the last one.
func (r *Reader) Next() (body []byte, m protoreflect.Message, err error) {
	defer func() {
		if err == nil {
			r.count++
		}
	}()
	if r.desc == nil {
		body, err = r.bytes()
		return body, nil, err
	}
	into := dynamicpb.NewMessage(r.desc)
	switch r.format {
	case Binary, Delimited:
		if body, err = r.bytes(); err != nil {
			return nil, nil, err
		}
		if err := (proto.UnmarshalOptions{Resolver: r.types}).Unmarshal(body, into); err != nil {
			return nil, nil, fmt.Errorf("%s: these %d bytes are not a %s: %w", r.Name, len(body), r.desc.FullName(), clean(err))
		}
		return body, into, nil
	case Text:
		err = r.text(into)
	default:
		err = r.json(into)
	}
	if err != nil {
		return nil, nil, err
	}
	body, err = Marshal(into)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", r.Name, clean(err))
	}
	return body, into, nil
}

// Marshal encodes a message, with its fields always in the same order.
func Marshal(m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// bytes returns the next message of Binary or Delimited, or all that there is.
func (r *Reader) bytes() ([]byte, error) {
	if r.format == Delimited {
		return r.delimited()
	}
	if r.done {
		return nil, io.EOF
	}
	r.done = true
	b, err := io.ReadAll(io.LimitReader(r.in, MaxSize+1))
	if err == nil && len(b) > MaxSize {
		err = fmt.Errorf("%s: the message has more than %d bytes", r.Name, MaxSize)
	}
	return b, err
}

func (r *Reader) delimited() ([]byte, error) {
	n, err := binary.ReadUvarint(r.in)
	switch {
	case err == io.EOF:
		return nil, io.EOF
	case err != nil:
		return nil, fmt.Errorf("%s: message %d: its size is cut off; is the input really %s?", r.Name, r.count+1, Delimited)
	case n > MaxSize:
		return nil, fmt.Errorf("%s: message %d: its size is %d; is the input really %s?", r.Name, r.count+1, n, Delimited)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.in, b); err != nil {
		return nil, fmt.Errorf("%s: message %d is cut off", r.Name, r.count+1)
	}
	return b, nil
}

// text reads up to a line of "---" or the end.
func (r *Reader) text(into *dynamicpb.Message) error {
	if r.done {
		return io.EOF
	}
	var b strings.Builder
	for {
		line, err := r.in.ReadString('\n')
		if err == io.EOF {
			r.done = true
		} else if err != nil {
			return err
		}
		if strings.TrimSpace(line) == "---" {
			break
		}
		b.WriteString(line)
		if r.done {
			break
		}
	}
	if r.done && r.count > 0 && strings.TrimSpace(b.String()) == "" {
		return io.EOF
	}
	if err := (prototext.UnmarshalOptions{Resolver: r.types}).Unmarshal([]byte(b.String()), into); err != nil {
		return fmt.Errorf("%s: %s does not fit %s: %w", r.Name, r.what(), r.desc.FullName(), clean(err))
	}
	return nil
}

// what is the message that is being read, for errors.
func (r *Reader) what() string {
	if r.count == 0 {
		return "the message"
	}
	return fmt.Sprintf("message %d", r.count+1)
}

func (r *Reader) json(into *dynamicpb.Message) error {
	var value json.RawMessage
	err := r.dec.Decode(&value)
	var syntax *json.SyntaxError
	switch {
	case err == io.EOF:
		return io.EOF
	case errors.As(err, &syntax):
		return fmt.Errorf("%s: no JSON: %s", r.at(int(syntax.Offset)-1-r.base), syntax.Error())
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: the JSON is cut off", r.at(r.seen.Len()))
	case err != nil:
		return err
	}
	if err := (protojson.UnmarshalOptions{Resolver: r.types}).Unmarshal(value, into); err != nil {
		return r.misfit(value, err)
	}
	consumed := int(r.dec.InputOffset()) - r.base
	r.origin = r.origin.behind(r.seen.Next(consumed))
	r.base += consumed
	return nil
}

// misfit says where in the input a value does not fit its message.
func (r *Reader) misfit(value []byte, err error) error {
	start := max(0, bytes.Index(r.seen.Bytes(), value))
	at, text := located(value, err)
	if at < 0 {
		return fmt.Errorf("%s: %s does not fit %s: %s", r.Name, r.what(), r.desc.FullName(), text)
	}
	return fmt.Errorf("%s: %s does not fit %s: %s", r.at(start+at), pathAt(value, at), r.desc.FullName(), text)
}

// at returns the place of an offset in seen, as "file:line:column".
func (r *Reader) at(offset int) string {
	b := r.seen.Bytes()
	p := r.origin.behind(b[:min(max(offset, 0), len(b))])
	return fmt.Sprintf("%s:%d:%d", r.Name, p.line, p.column)
}
