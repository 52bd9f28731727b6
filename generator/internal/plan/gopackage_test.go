package plan

import (
	"strings"
	"testing"
)

func TestImportPathFault(t *testing.T) {
	for importPath, want := range map[string]string{
		"example.com/a":            "",
		"example.com/a-b_c.d~e+f":  "",
		"example.com/x~a1":         "",
		"example.com/console/com0": "",
		"example.com/com10/lpt":    "",
		"encoding/json":            "",
		".":                        "relative",
		"..":                       "relative",
		"./a":                      "relative",
		"../a":                     "relative",
		".../a":                    `element "..."`,
		"/":                        "begins with a slash",
		"a/":                       "ends in a slash",
		"a//b":                     "two slashes",
		"a/./b":                    `element "."`,
		"a/b.":                     "ends in a dot",
		"a/b@v2":                   `character '@'`,
		"a/b\\c":                   `character '\\'`,
		"a/NUL":                    "Windows",
		"a/prn.go/b":               "Windows",
		"a/lpt9":                   "Windows",
		"a/b~12":                   "Windows",
		"a/b~12.c":                 "Windows",
	} {
		err := importPathFault(importPath)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("importPathFault(%q) = %v, want %q", importPath, err, want)
		}
	}
}

func TestHiddenElement(t *testing.T) {
	for importPath, want := range map[string]string{
		"example.com/a":    "",
		"example.com/a_/b": "",
		"example.com/_a/b": "_a",
		"example.com/.a":   ".a",
		"_a":               "_a",
	} {
		if got := hiddenElement(importPath); got != want {
			t.Errorf("hiddenElement(%q) = %q, want %q", importPath, got, want)
		}
	}
}

func TestPackageBase(t *testing.T) {
	for name, want := range map[string]string{
		"weatherv1": "weatherv1",
		"_type":     "type",
		"_1st":      "pb1st",
		"__x_y":     "x_y",
		"_":         "pb",
	} {
		if got := packageBase(name); got != want {
			t.Errorf("packageBase(%q) = %q, want %q", name, got, want)
		}
	}
}
