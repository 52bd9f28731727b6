package wire

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// FuzzStatus decodes any bytes as a status: the outcome always has a valid code,
// and goes round unchanged.
func FuzzStatus(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("\xff"))
	f.Add([]byte("\x08\x05\x12\x04gone"))
	f.Add([]byte("\x08\x80\x80\x80\x80\xf0\xff\xff\xff\xff\x01"))
	f.Add(AppendStatus(nil, Status{Code: 10, Message: "a\xffb"}, 1<<20))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := ParseStatus(in)
		if err != nil {
			if err.Error() == "" {
				t.Fatalf("%x has an error without a text", in)
			}
			return
		}
		if s.Code < firstCode || s.Code > lastCode {
			t.Fatalf("%x has code %d", in, s.Code)
		}
		again, err := ParseStatus(AppendStatus(nil, s, 1<<20))
		if err != nil || again.Code != s.Code || len(again.Details) > len(s.Details) {
			t.Fatalf("%x is %v, and %v, %v the second time", in, s, again, err)
		}
	})
}

// FuzzRequestHeader decodes any bytes as a header: an error, or a timeout that
// is safe to add to a time.
func FuzzRequestHeader(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(appendTimeout(nil, time.Second)[2:])
	f.Add([]byte("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("\x08"))
	f.Add([]byte("\xa2\x06\x01x\x08\x05"))
	f.Add([]byte("\x12\x08\x0a\x03key\x12\x01v"))
	f.Add([]byte(cancelHeader))
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := ParseRequestHeader(in)
		if err != nil {
			return
		}
		if err := h.Metadata.Check(); err != nil {
			t.Fatalf("%x has metadata that is wrong: %v", in, err)
		}
		if h.Timeout < 0 || h.Timeout > maxTimeout {
			t.Fatalf("%x is a timeout of %v", in, h.Timeout)
		}
		if h.Timeout == 0 {
			return
		}
		back, err := ParseRequestHeader(appendTimeout(nil, h.Timeout)[2:])
		if err != nil || back.Timeout != h.Timeout {
			t.Fatalf("%v came back as %v, %v", h.Timeout, back.Timeout, err)
		}
	})
}

// FuzzRequest decodes any frames as a request and as a reply: whatever parses
// goes round unchanged.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("12345678"), []byte(""), []byte("a.B/C"), []byte("body"), []byte("\x08\x05"))
	f.Add([]byte(""), []byte(""), []byte(""), []byte(""), []byte(cancelHeader))
	f.Add([]byte("x"), []byte("y"), []byte(""), []byte("p"), []byte("\x12\x08\x0a\x03key\x12\x01v"))
	f.Fuzz(func(t *testing.T, a, b, c, d, e []byte) {
		frames := [][]byte{a, b, c, d, e}
		envelope, content, ok := SplitEnvelope(frames)
		if !ok {
			return
		}
		if id, ok := envelope.CallID(); ok != (len(a) == CallIDSize && len(b) == 0) {
			t.Fatalf("%q has call id %d, %v", envelope, id, ok)
		}
		if got := splitMessage(t, append(envelope.Append(nil), 0, 0)); len(got) != len(envelope)+1 {
			t.Fatalf("envelope %q became %q", envelope, got)
		}
		if r, err := ParseReply(content); err == nil && r.Failed() != (len(content[0]) > 0) {
			t.Fatalf("%q fails: %v", content, r.Failed())
		}
		r, err := ParseRequest(content)
		if err != nil || r.Header.Cancel {
			return
		}
		out, err := AppendRequest(nil, string(r.Procedure), rawBody(r.Body), r.Header)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseRequest(splitMessage(t, out))
		if err != nil || string(again.Procedure) != string(r.Procedure) || string(again.Body) != string(r.Body) || !reflect.DeepEqual(again.Header, r.Header) {
			t.Fatalf("%+v came back as %+v, %v", r, again, err)
		}
	})
}

// FuzzReplyHeader decodes any bytes as the header of a reply.
func FuzzReplyHeader(f *testing.F) {
	f.Add([]byte("\x18\x01"))
	f.Add([]byte("\x0a\x08\x0a\x03key\x12\x01v\x12\x08\x0a\x03end\x12\x01w"))
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := ParseReplyHeader(in)
		if err != nil || h.empty() {
			return
		}
		out, err := AppendFailure(nil, []byte("status"), h)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseReply(splitMessage(t, out))
		if err != nil || !r.Failed() {
			t.Fatalf("%+v, %v", r, err)
		}
		if again, err := ParseReplyHeader(r.Header); err != nil || !reflect.DeepEqual(again, h) {
			t.Fatalf("%+v came back as %+v, %v", h, again, err)
		}
	})
}

// FuzzZAPReply decodes any frames as a ZAP handler's answer.
func FuzzZAPReply(f *testing.F) {
	f.Add([]byte("1.0"), []byte("7"), []byte("200"), []byte("OK"), []byte("user"), []byte(""))
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g []byte) {
		r, err := ParseZAPReply([][]byte{a, b, c, d, e, g}, "7")
		if good := string(a) == zapVersion && string(b) == "7"; good != (err == nil) {
			t.Fatalf("%q %q: %v", a, b, err)
		}
		if err == nil && (r.Status != string(c) || r.User != string(e)) {
			t.Fatalf("%+v", r)
		}
	})
}

func TestMetadataLimits(t *testing.T) {
	long := make([]byte, MaxMetadata)
	err := Metadata{"k": {string(long)}}.Check()
	if !errors.As(err, new(*LimitError)) {
		t.Errorf("metadata that is too large: %v", err)
	}
	if err := (Metadata{"K": {""}}).Check(); err == nil || errors.As(err, new(*LimitError)) {
		t.Errorf("a key in upper case: %v", err)
	}
}

// A rawBody is a body that is encoded already.
type rawBody []byte

func (r rawBody) AppendBody(b []byte, flags byte) ([]byte, error) {
	return zmtp.AppendFrame(b, flags, r), nil
}

// splitMessage returns the frames of one message.
func splitMessage(t *testing.T, b []byte) (frames [][]byte) {
	t.Helper()
	for more := true; more; {
		h, ok, err := zmtp.ParseHeader(b)
		if !ok || err != nil || uint64(len(b)) < uint64(h.Len)+h.Size {
			t.Fatalf("%x is no message: %v", b, err)
		}
		frames = append(frames, b[h.Len:h.Len+int(h.Size)])
		b, more = b[h.Len+int(h.Size):], h.More()
	}
	if len(b) > 0 {
		t.Fatalf("%x stands behind the message", b)
	}
	return frames
}

// FuzzTaskHeader decodes any bytes as the header of a task: what is decoded by hand is
// what the protobuf library finds.
func FuzzTaskHeader(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("\x08\x01\x10\x80\x87\xa7\x0e"))
	f.Add([]byte("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("\x08\x02\x1a\x05\x0a\x01b\x20\x01"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if got, want := ParseTaskHeader(in), parseAny(in); !reflect.DeepEqual(got, want) {
			t.Errorf("%x is %+v, want %+v", in, got, want)
		}
	})
}
