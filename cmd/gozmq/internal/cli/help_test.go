package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the help texts of testdata again")

// TestHelp compares the help of every verb with testdata/help, and checks that
// each verb has an example.
func TestHelp(t *testing.T) {
	wanted := map[string]bool{}
	each(rootCommand(&app{env: os.Getenv}), func(c *cobra.Command) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".txt"
		wanted[name] = true
		t.Run(c.CommandPath(), func(t *testing.T) {
			var out bytes.Buffer
			c.SetOut(&out)
			if err := c.Help(); err != nil {
				t.Fatal(err)
			}
			checkHelp(t, c)
			compare(t, filepath.Join("testdata", "help", name), out.String())
		})
	})
	files, err := os.ReadDir(filepath.Join("testdata", "help"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !wanted[f.Name()] {
			t.Errorf("testdata/help/%s is of a verb that does not exist", f.Name())
		}
	}
}

func each(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range c.Commands() {
		each(sub, f)
	}
}

// checkHelp checks what every help text must have.
func checkHelp(t *testing.T, c *cobra.Command) {
	t.Helper()
	if c.HasSubCommands() {
		return
	}
	if c.Example == "" || !strings.Contains(c.Example, "gozmq "+c.Name()) && !strings.Contains(c.Example, c.CommandPath()) {
		t.Errorf("%s has no example", c.CommandPath())
	}
	for _, line := range strings.Split(c.Long, "\n") {
		if len(line) > 84 {
			t.Errorf("this line of the help is wider than 84 characters: %s", line)
		}
	}
}

// compare compares text with a file, or writes it there.
func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%s differs (go test -update writes it): %v; got:\n%s", file, err, got)
	}
}
