// Package yamlfile reads the YAML files that people write for the command.
package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ofGo matches the part of an error that names the Go type into which a file is
// read.
var ofGo = regexp.MustCompile(` (?:in type|into) [^\n]*`)

// Read reads a file, which may be empty, into a struct or a map. It fails when the
// file has a field that the struct does not have. The error says at which line.
func Read(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		text = strings.TrimPrefix(text, "unmarshal errors:\n")
		return fmt.Errorf("%s: %s", path, strings.TrimSpace(ofGo.ReplaceAllString(text, "")))
	}
	return nil
}
