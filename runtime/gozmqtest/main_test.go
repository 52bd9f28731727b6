package gozmqtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// patience is how long a test waits for what must happen. It is never waited
// for in a test that passes.
const patience = 20 * time.Second

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
