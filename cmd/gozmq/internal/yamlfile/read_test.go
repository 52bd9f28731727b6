package yamlfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.yaml")
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"good", "proxies:\n- front: a\n", ""},
		{"field", "proxies:\n- fornt: a\n", ": line 2: field fornt not found"},
		{"two faults", "proxies:\n- fornt: a\n- front: [1]\n", ": line 2: field fornt not found\n  line 3: cannot unmarshal !!seq"},
		{"no yaml", "proxies: [", ": line 1: did not find expected node content"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var into struct {
				Proxies []struct {
					Front string `yaml:"front"`
				} `yaml:"proxies"`
			}
			got := ""
			if err := Read(path, &into); err != nil {
				got = err.Error()[len(path):]
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if err := Read(path+".not", nil); !os.IsNotExist(err) {
		t.Errorf("got %v, want that there is no such file", err)
	}
}
