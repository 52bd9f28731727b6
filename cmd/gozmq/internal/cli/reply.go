package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/anypb"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A replyWriter prints the replies of a call.
type replyWriter struct {
	w        io.Writer
	printer  message.Printer
	method   *schema.Method
	full     bool // objects with all that there is, in place of messages
	began    time.Time
	metadata gozmq.ReplyMetadata
	first    float64 // milliseconds until the first message
	messages int
	last     json.RawMessage // of a call that does not stream
}

// A replyJSON is a message of a stream, or all of a call.
type replyJSON struct {
	Method   string           `json:"method,omitempty"`
	Headers  message.Metadata `json:"headers,omitempty"`
	Message  json.RawMessage  `json:"message,omitempty"`
	Status   *statusJSON      `json:"status,omitempty"`
	Trailers message.Metadata `json:"trailers,omitempty"`
	Timings  timingsJSON      `json:"timings"`
}

// A statusJSON is how a call ended.
type statusJSON struct {
	Code    string            `json:"code"` // "ok" where it went well
	Number  int               `json:"number"`
	Message string            `json:"message,omitempty"`
	Details []json.RawMessage `json:"details,omitempty"`
}

// timingsJSON are milliseconds since the request was sent.
type timingsJSON struct {
	AtMS      float64 `json:"atMs,omitempty"` // of a message of a stream
	FirstMS   float64 `json:"firstMs,omitempty"`
	TotalMS   float64 `json:"totalMs,omitempty"`
	Messages  int     `json:"messages,omitempty"`
	PerSecond float64 `json:"perSecond,omitempty"`
}

func (r *replyWriter) since() float64 {
	return float64(time.Since(r.began).Microseconds()) / 1000
}

// message prints one message, or keeps it for the end.
func (r *replyWriter) message(body []byte) error {
	at := r.since()
	if r.messages++; r.messages == 1 {
		r.first = at
	}
	if !r.full {
		return r.printer.Write(r.w, body, r.method.Output)
	}
	m, err := r.printer.JSON(body, r.method.Output)
	if err != nil {
		return err
	}
	if !r.method.ServerStreams {
		r.last = m
		return nil
	}
	return r.object(replyJSON{Message: m, Timings: timingsJSON{AtMS: at}})
}

func (r *replyWriter) object(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if r.printer.Pretty {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := r.w.Write(b.Bytes())
	return err
}

// end prints the end of the call, if everything must be printed, and returns its
// error with the details in its text.
func (r *replyWriter) end(err error) error {
	var coded *gozmq.Error
	if err != nil && !errors.As(err, &coded) {
		return err // it is not the call's
	}
	if r.full {
		done := replyJSON{
			Method: r.method.Procedure, Message: r.last, Headers: message.Metadata(r.metadata.Headers), Trailers: message.Metadata(r.metadata.Trailers),
			Status: r.status(coded), Timings: timingsJSON{FirstMS: r.first, TotalMS: r.since(), Messages: r.messages},
		}
		if r.method.ServerStreams && r.messages > 1 && done.Timings.TotalMS > 0 {
			done.Timings.PerSecond = float64(int(float64(r.messages)/done.Timings.TotalMS*1e5)) / 100
		}
		if printed := r.object(done); printed != nil {
			return printed
		}
	}
	if coded == nil || len(coded.Details) == 0 || r.full {
		return err
	}
	var list []string
	for _, d := range r.details(coded) {
		list = append(list, string(d))
	}
	return fmt.Errorf("%w; details: [%s]", err, strings.Join(list, ","))
}

func (r *replyWriter) status(e *gozmq.Error) *statusJSON {
	if e == nil {
		return &statusJSON{Code: "ok"}
	}
	return &statusJSON{Code: e.Code.String(), Number: int(e.Code), Message: e.Message, Details: r.details(e)}
}

// details decodes the details of an error. One whose type is not known keeps its
// type and its bytes.
func (r *replyWriter) details(e *gozmq.Error) (list []json.RawMessage) {
	for _, d := range e.Details {
		list = append(list, r.detail(d))
	}
	return list
}

func (r *replyWriter) detail(d *anypb.Any) json.RawMessage {
	if b, err := (message.Printer{Types: r.printer.Types}).MessageJSON(d); err == nil {
		return b
	}
	return json.RawMessage(fmt.Sprintf(`{"@type":%q,"base64":%q}`, strings.ToValidUTF8(d.GetTypeUrl(), "?"), base64.StdEncoding.EncodeToString(d.GetValue())))
}

// readFile reads a file that the command line names.
func readFile(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	return b, wrong(err)
}

// writeFile writes a file that the command line names.
func writeFile(path string, b []byte) error { return wrong(os.WriteFile(path, b, 0o644)) }
