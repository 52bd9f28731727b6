package runtime_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// oldWords are words and phrases, in lower case, that the code and its documents no
// longer use, each with the plain or standard term to write instead.
var oldWords = map[string]string{
	"courier":         "result sender",
	"consignment":     "unacknowledged result",
	"who subscribes":  "a subscriber",
	"hears of":        "gets, is notified of",
	"hear of":         "get, be notified of",
	"heard of":        "got, was notified of",
	"take note of":    "record",
	"takes note of":   "records",
	"stand behind":    "follow",
	"stands behind":   "follows",
	"as it travels":   "in its form on the wire",
	"as they travel":  "in their form on the wire",
	"of before":       "earlier",
	"for ever":        "forever",
	"anew":            "again",
	"any longer":      "no longer",
	"at least once a": "with AtLeastOnce a",
}

// TestVocabulary expects that Go files and documents say things with the terms of
// the field. Tests, generated code and goldens are left out.
func TestVocabulary(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "gen" || strings.HasPrefix(d.Name(), ".") && path != ".."):
			return fs.SkipDir
		case !isProse(path):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		checkWords(t, path, string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func isProse(path string) bool {
	if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".pb.go") {
		return false
	}
	return strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".md")
}

func checkWords(t *testing.T, path, text string) {
	t.Helper()
	text = strings.ToLower(text)
	for old, instead := range oldWords {
		if !strings.Contains(text, old) {
			continue
		}
		whole := regexp.MustCompile(`\b` + regexp.QuoteMeta(old) + `\b`)
		number := 0
		for line := range strings.Lines(text) {
			number++
			if whole.MatchString(line) {
				t.Errorf("%s:%d: %q: write %q", path, number, old, instead)
			}
		}
	}
}
