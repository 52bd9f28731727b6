package gozmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

var codeNames = map[Code]string{
	CodeCanceled: "canceled", CodeUnknown: "unknown", CodeInvalidArgument: "invalid_argument",
	CodeDeadlineExceeded: "deadline_exceeded", CodeNotFound: "not_found", CodeAlreadyExists: "already_exists",
	CodePermissionDenied: "permission_denied", CodeResourceExhausted: "resource_exhausted",
	CodeFailedPrecondition: "failed_precondition", CodeAborted: "aborted", CodeOutOfRange: "out_of_range",
	CodeUnimplemented: "unimplemented", CodeInternal: "internal", CodeUnavailable: "unavailable",
	CodeDataLoss: "data_loss", CodeUnauthenticated: "unauthenticated",
}

func TestCodeString(t *testing.T) {
	if len(codeNames) != 16 {
		t.Fatalf("%d codes are named, want 16", len(codeNames))
	}
	names := map[Code]string{0: "ok", 17: "code(17)", -1: "code(-1)"}
	maps.Copy(names, codeNames)
	for code, want := range names {
		if got := code.String(); got != want {
			t.Errorf("Code(%d).String() = %q, want %q", int32(code), got, want)
		}
	}
}

func TestCodeOf(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want Code
	}{
		{"nil", nil, 0},
		{"coded", Errorf(CodeNotFound, "x"), CodeNotFound},
		{"wrapped", fmt.Errorf("look: %w", Errorf(CodeNotFound, "x")), CodeNotFound},
		{"joined", errors.Join(io.EOF, Errorf(CodeAborted, "x")), CodeAborted},
		{"outer code wins", Errorf(CodeInternal, "%w", Errorf(CodeNotFound, "x")), CodeInternal},
		{"canceled", context.Canceled, CodeCanceled},
		{"deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), CodeDeadlineExceeded},
		{"uncoded", io.EOF, CodeUnknown},
		{"coded over a context's error", Errorf(CodeAborted, "%w", context.Canceled), CodeAborted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := CodeOf(tt.err); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestError(t *testing.T) {
	err := Errorf(CodeNotFound, "user %d: %w", 7, io.EOF)
	if got, want := err.Error(), "not_found: user 7: EOF"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(err, io.EOF) {
		t.Error("the operand of %w is not found")
	}
	if got, want := (&Error{Code: CodeAborted}).Error(), "aborted"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		t.Error("not_found is a context's error")
	}
}

// failing answers every call with the same error.
func failing(err error) []Handler {
	return []Handler{Handle(echoMethod, func(context.Context, *bytez) (*bytez, error) { return nil, err })}
}

func TestEveryCodeTravels(t *testing.T) {
	detail, err := anypb.New(wrapperspb.String("the detail"))
	if err != nil {
		t.Fatal(err)
	}
	for code, name := range codeNames {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Bind("inproc://"+t.Name()), failing(fmt.Errorf("outer: %w", &Error{
				Code: code, Message: "why: ü", Details: []*anypb.Any{detail, detail},
			})))
			err := callEcho(testkit.Within(t), dial(t, Connect(s.addr())), "x")
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %T, want an *Error", err)
			}
			if e.Code != code || e.Message != "outer: why: ü" || len(e.Details) != 2 {
				t.Fatalf("got code %v, message %q, %d details", e.Code, e.Message, len(e.Details))
			}
			wantEqual(t, e.Details[1], detail)
			if got := errors.Is(err, context.DeadlineExceeded); got != (code == CodeDeadlineExceeded) {
				t.Errorf("errors.Is(err, context.DeadlineExceeded) = %v", got)
			}
			if got := errors.Is(err, context.Canceled); got != (code == CodeCanceled) {
				t.Errorf("errors.Is(err, context.Canceled) = %v", got)
			}
		})
	}
}

func TestErrorsTravel(t *testing.T) {
	tests := []struct {
		name    string
		err     error
		code    Code
		message string
	}{
		{"uncoded", io.ErrUnexpectedEOF, CodeUnknown, "unexpected EOF"},
		{"context canceled", context.Canceled, CodeCanceled, "context canceled"},
		{"context deadline", fmt.Errorf("db: %w", context.DeadlineExceeded), CodeDeadlineExceeded, "db: context deadline exceeded"},
		{"wrapped", fmt.Errorf("load user 7: %w", Errorf(CodeNotFound, "no such user")), CodeNotFound, "load user 7: no such user"},
		{"wrapped twice", fmt.Errorf("a: %w", fmt.Errorf("b: %w (c)", Errorf(CodeNotFound, "x"))), CodeNotFound, "a: b: x (c)"},
		{"wrapped without a text", fmt.Errorf("load: %w", Errorf(CodeNotFound, "")), CodeNotFound, "load: not_found"},
		{"joined", errors.Join(io.EOF, Errorf(CodeAborted, "x")), CodeAborted, "EOF\nx"},
		{"no code", &Error{Message: "x"}, CodeUnknown, "x"},
		{"code out of range", Errorf(17, "x"), CodeUnknown, "x"},
		{"negative code", Errorf(-1, "x"), CodeUnknown, "x"},
		{"not UTF-8", Errorf(CodeAborted, "a\xffb"), CodeAborted, "a\uFFFDb"},
		{"empty text", Errorf(CodeAborted, ""), CodeAborted, ""},
		{"a detail that is not a message", &Error{Code: CodeAborted, Message: "x", Details: []*anypb.Any{{TypeUrl: "\xff"}}}, CodeAborted, "x"},
		{"no detail at all", &Error{Code: CodeAborted, Message: "x", Details: []*anypb.Any{nil}}, CodeAborted, "x"},
		{"nil *Error", (*Error)(nil), CodeUnknown, ""},
		{"error whose text panics", (*brokenError)(nil), CodeUnknown, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, Bind("inproc://"+t.Name()), failing(tt.err))
			c := dial(t, Connect(s.addr()))
			err := callEcho(testkit.Within(t), c, "x")
			wantCode(t, err, tt.code, zmtp.Line(tt.message)) // a peer has chosen it
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(e.Message, tt.message) {
				t.Errorf("got error %#v, want the message %q as it was", err, tt.message)
			}
		})
	}
}

// A brokenError has no text when it is nil, as many error types.
type brokenError struct{ what string }

func (e *brokenError) Error() string { return e.what }

func TestStatusTooLargeIsCut(t *testing.T) {
	s := serve(t, Bind("inproc://"+t.Name()), failing(Errorf(CodeAborted, "%s", strings.Repeat("x", 1<<20))), WithMaxMessageSize(64<<10))
	c := dial(t, Connect(s.addr()), WithMaxMessageSize(64<<10))
	wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeAborted, "xxx")
}

func TestParseStatus(t *testing.T) {
	encode := func(s *gozmqv1.Status) []byte {
		b, err := proto.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tests := []struct {
		name string
		in   []byte
		code Code
		text string
	}{
		{"good", encode(&gozmqv1.Status{Code: 5, Message: "gone"}), CodeNotFound, "not_found: gone"},
		{"code zero", encode(&gozmqv1.Status{Message: "gone"}), CodeUnknown, "status with code 0"},
		{"code of the future", encode(&gozmqv1.Status{Code: 17, Message: "gone"}), CodeUnknown, "17"},
		{"negative code", encode(&gozmqv1.Status{Code: -3}), CodeUnknown, "-3"},
		{"not a status", []byte{0xff}, CodeInternal, "decode status of 1 bytes"},
		{"cut short", encode(&gozmqv1.Status{Code: 5, Message: "gone"})[:5], CodeInternal, "decode status of 5 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantCode(t, parseStatus(tt.in), tt.code, tt.text) })
	}
}
