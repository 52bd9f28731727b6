package message

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
)

// A Printer writes bodies in a format.
type Printer struct {
	Format Format
	// Pretty spreads JSON over several lines.
	Pretty bool
	// Defaults prints fields that are not set, too.
	Defaults bool
	Types    schema.Types
}

// Decode returns a body as a message of that type.
func (p Printer) Decode(body []byte, desc protoreflect.MessageDescriptor) (proto.Message, error) {
	m := dynamicpb.NewMessage(desc)
	if err := (proto.UnmarshalOptions{Resolver: p.Types}).Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("these %d bytes are not a %s: %w; is it the sender's schema?", len(body), desc.FullName(), clean(err))
	}
	return m, nil
}

// JSON returns a body as a JSON value; bytes of unknown type become a string, or
// {"base64": "…"} if they are not text.
func (p Printer) JSON(body []byte, desc protoreflect.MessageDescriptor) (json.RawMessage, error) {
	if desc == nil {
		return json.Marshal(Plain(string(body)))
	}
	m, err := p.Decode(body, desc)
	if err != nil {
		return nil, err
	}
	return p.MessageJSON(m)
}

// MessageJSON returns a message as JSON in one line, or spread where Pretty says
// so.
func (p Printer) MessageJSON(m proto.Message) (json.RawMessage, error) {
	b, err := protojson.MarshalOptions{Resolver: p.Types, EmitDefaultValues: p.Defaults}.Marshal(m)
	if err != nil {
		return nil, clean(err)
	}
	var out bytes.Buffer // protojson's white space differs from program to program
	if p.Pretty {
		err = json.Indent(&out, b, "", "  ")
	} else {
		err = json.Compact(&out, b)
	}
	return out.Bytes(), err
}

// Write writes a body: JSON and text with a newline after it. Bytes whose type is
// not known are written quoted, unless the format is for programs.
func (p Printer) Write(w io.Writer, body []byte, desc protoreflect.MessageDescriptor) error {
	switch p.Format {
	case Binary:
		_, err := w.Write(body)
		return err
	case Delimited:
		_, err := w.Write(append(binary.AppendUvarint(nil, uint64(len(body))), body...))
		return err
	case Text:
		return p.text(w, body, desc)
	}
	b, err := p.JSON(body, desc)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

func (p Printer) text(w io.Writer, body []byte, desc protoreflect.MessageDescriptor) error {
	if desc == nil {
		_, err := fmt.Fprintln(w, strconv.Quote(string(body)))
		return err
	}
	m, err := p.Decode(body, desc)
	if err != nil {
		return err
	}
	b, err := prototext.MarshalOptions{Resolver: p.Types, EmitUnknown: true, Multiline: false}.Marshal(m)
	if err != nil {
		return clean(err)
	}
	// prototext's white space differs from program to program.
	_, err = fmt.Fprintf(w, "%s\n", single(b))
	return err
}

// single returns text of prototext with one space between its tokens, which
// stand outside of strings.
func single(b []byte) []byte {
	var out []byte
	quote := byte(0)
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case quote != 0:
			if c == '\\' && i+1 < len(b) {
				out = append(out, c)
				i++
				c = b[i]
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == ' ' && len(out) > 0 && out[len(out)-1] == ' ':
			continue
		}
		out = append(out, c)
	}
	return bytes.TrimSpace(out)
}
