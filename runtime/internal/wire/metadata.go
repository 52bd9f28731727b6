package wire

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// Metadata accompanies a request, a reply, a publication or a task: keys, each with
// one or more values.
type Metadata map[string][]string

// The limits of metadata, in bytes: of all keys and values together, where a key
// counts once for each of its values, and of one key.
const (
	MaxMetadata    = 16 << 10
	MaxMetadataKey = 128
)

// A LimitError says that well-formed input is larger than the protocol allows.
type LimitError struct{ text string }

func (e *LimitError) Error() string { return e.text }

// Check reports what is wrong with the metadata, if anything: a *LimitError when
// it is too large.
func (m Metadata) Check() error {
	size := 0
	for key, values := range m {
		if err := checkKey(key); err != nil {
			return err
		}
		for _, v := range values {
			size += len(key) + len(v)
		}
	}
	if size > MaxMetadata {
		return &LimitError{fmt.Sprintf("metadata has %d bytes, at most %d are allowed", size, MaxMetadata)}
	}
	return nil
}

func checkKey(key string) error {
	ok := key != "" && len(key) <= MaxMetadataKey
	for i := 0; i < len(key) && ok; i++ {
		c := key[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	if !ok {
		return fmt.Errorf("metadata key %.32q: want 1 to %d characters of a-z, 0-9, \"-\", \"_\" and \".\"", key, MaxMetadataKey)
	}
	return nil
}

// list returns the entries as protobuf messages, in the order of their keys.
func (m Metadata) list() []*gozmqv1.Metadatum {
	var list []*gozmqv1.Metadatum
	for _, key := range slices.Sorted(maps.Keys(m)) {
		for _, v := range m[key] {
			list = append(list, &gozmqv1.Metadatum{Key: key, Value: []byte(v)})
		}
	}
	return list
}

// parseMetadata checks and returns the entries of a header; nil for none.
func parseMetadata(list []*gozmqv1.Metadatum) (Metadata, error) {
	if len(list) == 0 {
		return nil, nil
	}
	m := make(Metadata, len(list))
	for _, e := range list {
		m[e.GetKey()] = append(m[e.GetKey()], string(e.GetValue()))
	}
	return m, m.Check()
}

// EncodedMetadata is a publication's encoded metadata: the header's fields with the
// entries, one after the other.
type EncodedMetadata []byte

// EncodeMetadata appends m's entries, which Check has passed, to b.
func EncodeMetadata(b EncodedMetadata, m Metadata) EncodedMetadata {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		for _, v := range m[key] {
			b = appendMetadatum(b, fieldMetadata, key, v)
		}
	}
	return b
}

// appendMetadatum appends a field with one entry.
func appendMetadatum(b []byte, field protowire.Number, key, value string) []byte {
	const keyField, valueField protowire.Number = 1, 2
	size := 0
	if key != "" {
		size += protowire.SizeTag(keyField) + protowire.SizeBytes(len(key))
	}
	if value != "" {
		size += protowire.SizeTag(valueField) + protowire.SizeBytes(len(value))
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(size))
	if key != "" {
		b = protowire.AppendString(protowire.AppendTag(b, keyField, protowire.BytesType), key)
	}
	if value != "" {
		b = protowire.AppendString(protowire.AppendTag(b, valueField, protowire.BytesType), value)
	}
	return b
}

// Decode returns the entries, nil when there are none. It fails when they are not
// what Metadata.Check allows.
func (e EncodedMetadata) Decode() (Metadata, error) {
	if len(e) == 0 {
		return nil, nil
	}
	if len(e) > maxEncodedMetadata {
		return nil, &LimitError{fmt.Sprintf("metadata has %d bytes on the wire, at most %d are allowed", len(e), maxEncodedMetadata)}
	}
	var h gozmqv1.PublicationHeader
	if err := proto.Unmarshal(e, &h); err != nil {
		return nil, fmt.Errorf("decode metadata of %d bytes: %w", len(e), err)
	}
	return parseMetadata(h.GetMetadata())
}

// maxEncodedMetadata is more than the largest allowed metadata takes: entries of a
// key of one byte and no value have 5 bytes each.
const maxEncodedMetadata = 6 * MaxMetadata
