package goldens

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// letterProgram has a handler of dead letters; TYPE is that of the task.
const letterProgram = `package letters

import (
	"context"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/testdata/golden/delivery"
	"github.com/gozmq/gozmq/testdata/golden/delivery/deliverygozmq"
)

var _ = []gozmq.VentilatorOption{
	deliverygozmq.OnOrdersShipDeadLetter(func(context.Context, TYPE, gozmq.DeadLetter) error { return nil }),
}

var _ delivery.Order
`

// A handler of dead letters with the type of another message, or without a context
// or an error, does not compile, and the compiler names the type that is wanted.
func TestWrongLetterDoesNotCompile(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct{ name, program, want string }{
		{"right", strings.ReplaceAll(letterProgram, "TYPE", "*delivery.Order"), ""},
		{"another message", strings.ReplaceAll(letterProgram, "TYPE", "*delivery.Receipt"), "*delivery.Order"},
		{"no message", strings.ReplaceAll(letterProgram, "TYPE", "[]byte"), "*delivery.Order"},
		{"no context", strings.NewReplacer("context.Context, TYPE", "*delivery.Order", "\t\"context\"\n\n", "").Replace(letterProgram), "context.Context"},
		{"no error", strings.NewReplacer("TYPE", "*delivery.Order", " error { return nil }", " {}").Replace(letterProgram), "error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "letters.go")
			if err := os.WriteFile(file, []byte(tt.program), 0o600); err != nil {
				t.Fatal(err)
			}
			here, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "letters", "letters.go"): file}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "./letters").CombinedOutput()
			if (err == nil) != (tt.want == "") || !strings.Contains(string(out), tt.want) || tt.want != "" && !strings.Contains(string(out), "cannot use func") {
				t.Errorf("%v, want an error with %q:\n%s", err, tt.want, out)
			}
		})
	}
}
