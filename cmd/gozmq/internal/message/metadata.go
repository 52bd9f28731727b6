package message

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// Plain returns bytes for JSON: a string or, if they are not text, {"base64": "…"}.
func Plain(b string) any {
	if utf8.ValidString(b) {
		return b
	}
	return map[string][]byte{"base64": []byte(b)}
}

// Metadata is a message's metadata in JSON: a list of values for each key, where a
// value that is no text is {"base64": "…"}.
type Metadata gozmq.Metadata

// MarshalJSON encodes the metadata.
func (m Metadata) MarshalJSON() ([]byte, error) {
	out := map[string][]any{}
	for key, values := range m {
		for _, v := range values {
			out[key] = append(out[key], Plain(v))
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON decodes the metadata.
func (m *Metadata) UnmarshalJSON(b []byte) error {
	var in map[string][]json.RawMessage
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*m = Metadata{}
	for key, values := range in {
		for _, v := range values {
			var text string
			if json.Unmarshal(v, &text) != nil {
				var binary struct {
					Base64 []byte `json:"base64"`
				}
				if err := json.Unmarshal(v, &binary); err != nil {
					return fmt.Errorf("metadata %q: %w", key, err)
				}
				text = string(binary.Base64)
			}
			(*m)[key] = append((*m)[key], text)
		}
	}
	return nil
}
