package conformance

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write docs/CONFORMANCE.md")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
