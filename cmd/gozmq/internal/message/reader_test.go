package message

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/apipb"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
)

// desc is of a message with strings, an enum and lists of messages.
var desc = (&apipb.Api{}).ProtoReflect().Descriptor()

// read returns the names of the messages of an input, and the error behind them.
func read(r *Reader) (names []string, err error) {
	for {
		body, m, err := r.Next()
		if err != nil {
			return names, err
		}
		name := "?"
		if m != nil {
			name = m.Get(m.Descriptor().Fields().ByName("name")).String()
		}
		if r.desc == nil {
			name = string(body)
		}
		names = append(names, name)
	}
}

func TestReader(t *testing.T) {
	encoded, err := proto.Marshal(&apipb.Api{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	one := string(encoded)
	tests := []struct {
		name   string
		format Format
		bytes  bool // the type is not known
		in     string
		want   []string
		err    string // "": io.EOF
	}{
		{name: "no JSON", format: JSON},
		{name: "JSON", format: JSON, in: `{"name":"a"}`, want: []string{"a"}},
		{name: "JSON, several", format: JSON, in: "{\"name\":\"a\"}{\"name\":\"b\"}\n\n {\"name\":\"c\"}\n", want: []string{"a", "b", "c"}},
		{name: "empty object", format: JSON, in: "{}", want: []string{""}},
		{name: "unknown field", format: JSON, in: "{\"name\":\"a\"}\n{\"nam\": 1}", want: []string{"a"}, err: `in:2:2: nam does not fit google.protobuf.Api: unknown field "nam"`},
		{name: "field of a list", format: JSON, in: "{\n \"methods\": [\n  {},\n  {\"name\": 7}]}", err: `in:4:12: methods[1].name does not fit google.protobuf.Api: invalid value for string field name: 7`},
		{name: "enum", format: JSON, in: `{"syntax": "SYNTAX_PROTO9"}`, err: `in:1:12: syntax does not fit google.protobuf.Api: invalid value for enum field syntax: "SYNTAX_PROTO9"`},
		{name: "behind letters of several bytes", format: JSON, in: `{"name": "äöü", "x": 1}`, err: `in:1:17: x does not fit`},
		{name: "list in place of an object", format: JSON, in: `[1]`, err: `in:1:1: the message does not fit google.protobuf.Api`},
		{name: "cut off", format: JSON, in: "{\"name\":\n", err: "in:2:1: the JSON is cut off"},
		{name: "no JSON at all", format: JSON, in: "{\n name}", err: "in:2:2: no JSON: invalid character 'n'"},
		{name: "text", format: Text, in: `name: "a"`, want: []string{"a"}},
		{name: "text, several", format: Text, in: "name: \"a\"\n---\nname: \"b\"\n---\n", want: []string{"a", "b"}},
		{name: "text, empty ones", format: Text, in: "---\nname: \"b\"", want: []string{"", "b"}},
		{name: "text, wrong", format: Text, in: "name: \"a\"\n---\nnam: 1", want: []string{"a"}, err: "in: message 2 does not fit google.protobuf.Api: (line 1:1): unknown field: nam"},
		{name: "binary", format: Binary, in: one, want: []string{"a"}},
		{name: "empty binary", format: Binary, want: []string{""}},
		{name: "binary, wrong", format: Binary, in: "\xff", err: "in: these 1 bytes are not a google.protobuf.Api"},
		{name: "delimited", format: Delimited, in: "\x03" + one + "\x00\x03" + one, want: []string{"a", "", "a"}},
		{name: "delimited, cut off", format: Delimited, in: "\x03" + one + "\x03a", want: []string{"a"}, err: "in: message 2 is cut off"},
		{name: "delimited, size cut off", format: Delimited, in: "\x80", err: "its size is cut off; is the input really delimited?"},
		{name: "delimited, huge", format: Delimited, in: "\xff\xff\xff\xff\x7f", err: "is the input really delimited?"},
		{name: "bytes", format: JSON, bytes: true, in: "any\nbytes", want: []string{"any\nbytes"}},
		{name: "bytes, delimited", format: Delimited, bytes: true, in: "\x01a\x02bc", want: []string{"a", "bc"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d protoreflect.MessageDescriptor
			if !tt.bytes {
				d = desc
			}
			for name, in := range map[string]io.Reader{"": strings.NewReader(tt.in), "byte by byte": slowly(tt.in)} {
				got, err := read(NewReader("in", in, tt.format, d, schema.Types{}))
				if !slices.Equal(got, tt.want) || tt.err == "" && !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%s: got %q, %v, want %q, %s", name, got, err, tt.want, tt.err)
				}
			}
		})
	}
}

// slowly returns a reader of one byte at a time.
func slowly(s string) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		for i := range len(s) {
			if _, err := pw.Write([]byte{s[i]}); err != nil {
				return
			}
		}
		_ = pw.Close()
	}()
	return pr
}

// A long input is not kept.
func TestReaderForgets(t *testing.T) {
	line := `{"name":"` + strings.Repeat("x", 1000) + "\"}\n"
	r := NewReader("in", strings.NewReader(strings.Repeat(line, 1000)+"{\"nam\":1}"), JSON, desc, schema.Types{})
	got, err := read(r)
	if len(got) != 1000 || err == nil || !strings.HasPrefix(err.Error(), "in:1001:2: nam does not fit") {
		t.Errorf("%d messages, then %v", len(got), err)
	}
	if kept := r.seen.Len(); kept > 100_000 {
		t.Errorf("%d bytes of the input are kept", kept)
	}
}

func TestPrinter(t *testing.T) {
	m := &apipb.Api{Name: "a  b \"c\"", Methods: []*apipb.Method{{Name: "m"}}}
	body, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		printer Printer
		desc    protoreflect.MessageDescriptor
		body    []byte
		want    string
		fails   string
	}{
		{name: "JSON", desc: desc, body: body, want: `{"name":"a  b \"c\"","methods":[{"name":"m"}]}` + "\n"},
		{name: "pretty", printer: Printer{Pretty: true}, desc: desc, body: []byte("\n\x01a"), want: "{\n  \"name\": \"a\"\n}\n"},
		{name: "text", printer: Printer{Format: Text}, desc: desc, body: body, want: `name:"a  b \"c\"" methods:{name:"m"}` + "\n"},
		{name: "binary", printer: Printer{Format: Binary}, desc: desc, body: body, want: string(body)},
		{name: "delimited", printer: Printer{Format: Delimited}, body: []byte("abc"), want: "\x03abc"},
		{name: "bytes as text", body: []byte("a\nb"), want: `"a\nb"` + "\n"},
		{name: "bytes", body: []byte{0xff}, want: `{"base64":"/w=="}` + "\n"},
		{name: "bytes in text format", printer: Printer{Format: Text}, body: []byte{0xff}, want: `"\xff"` + "\n"},
		{name: "wrong", desc: desc, body: []byte{0xff}, fails: "these 1 bytes are not a google.protobuf.Api"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			err := tt.printer.Write(&out, tt.body, tt.desc)
			if out.String() != tt.want || (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("got %q, %v", out.String(), err)
			}
		})
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{`{"name":"a"}`, "{\"methods\": [{\"nam\": 1}]}", "\x03abc", "name: \"a\"\n---\n", "{\"a\":{\"b\":[[1]]}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, format := range Formats() {
			_, err := read(NewReader("in", strings.NewReader(in), format, desc, schema.Types{}))
			if err == nil || err != io.EOF && !strings.HasPrefix(err.Error(), "in") {
				t.Errorf("%s: %v", format, err)
			}
		}
	})
}
