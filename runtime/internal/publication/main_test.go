package publication

import (
	"testing"

	"github.com/gozmq/gozmq/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
