package conformance

import (
	"flag"
	"testing"

	"github.com/gozmq/gozmq/internal/leak"
)

var update = flag.Bool("update", false, "write docs/CONFORMANCE.md")

func TestMain(m *testing.M) { leak.Main(m) }
