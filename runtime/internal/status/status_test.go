package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestError(t *testing.T) {
	err := Errorf(Unavailable, "no server: %w", io.EOF)
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"text", err.Error(), "unavailable: no server: EOF"},
		{"text without a message", (&Error{Code: Internal}).Error(), "internal"},
		{"unknown code", Code(17).String(), "code(17)"},
		{"cause", errors.Is(err, io.EOF), true},
		{"code of what wraps it", CodeOf(fmt.Errorf("call: %w", err)), Unavailable},
		{"code of a context", CodeOf(context.DeadlineExceeded), DeadlineExceeded},
		{"code of another error", CodeOf(io.EOF), Unknown},
		{"code of none", CodeOf(nil), Code(0)},
		{"context", errors.Is(Errorf(Canceled, "x"), context.Canceled), true},
		{"another context", errors.Is(Errorf(Canceled, "x"), context.DeadlineExceeded), false},
		{"input without a code", CodeOf(Input(io.EOF)), InvalidArgument},
		{"input with a code", CodeOf(Input(err)), Unavailable},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

// TestTravels: code and text arrive, the cause does not.
func TestTravels(t *testing.T) {
	got := Parse(Encode(Errorf(InvalidArgument, "bad: %w", io.EOF), 1<<10))
	if got.Code != InvalidArgument || got.Message != "bad: EOF" || got.Cause != nil {
		t.Errorf("%+v", got)
	}
	if got := Parse([]byte("\xff")); got.Code != Internal {
		t.Errorf("%+v", got)
	}
}
