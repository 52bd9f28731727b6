package zmtp

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Names of properties. They are sent in exactly this form, because libzmq matches
// them case-sensitively, and received in any case (RFC 37).
const (
	PropertySocketType = "Socket-Type"
	PropertyIdentity   = "Identity"
	// PropertyGozmq announces that our extensions may be used.
	PropertyGozmq = "X-Gozmq"
	// PropertyRole announces the role of our socket.
	PropertyRole = "X-Gozmq-Role"
	// PropertyMaxSize announces the largest body that our socket accepts, as a
	// decimal number of bytes.
	PropertyMaxSize = "X-Gozmq-Max-Size"
)

// MaxIdentity is the longest identity of a peer, in bytes.
const MaxIdentity = 255

// A Property is one entry of a connection's metadata.
type Property struct{ Name, Value string }

// Metadata holds the properties that a peer announces in the handshake.
type Metadata []Property

// Get returns the value of the property with that name, "" when there is none.
func (m Metadata) Get(name string) string {
	for _, p := range m {
		if strings.EqualFold(p.Name, name) {
			return p.Value
		}
	}
	return ""
}

// Append appends the wire form of m.
func (m Metadata) Append(b []byte) []byte {
	for _, p := range m {
		b = append(b, byte(len(p.Name)))
		b = append(b, p.Name...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(p.Value)))
		b = append(b, p.Value...)
	}
	return b
}

// ParseMetadata decodes the body of a READY command. It checks every length against
// the available bytes. A property that occurs twice, in any case, is an error: two
// readers could choose different values.
func ParseMetadata(b []byte) (Metadata, error) {
	var m Metadata
	names := make(map[string]struct{})
	for len(b) > 0 {
		n := int(b[0])
		if n == 0 || len(b) < 1+n+4 {
			return nil, fmt.Errorf("metadata: property %d has no name or is cut short", len(m)+1)
		}
		name := string(b[1 : 1+n])
		size := uint64(binary.BigEndian.Uint32(b[1+n:]))
		b = b[1+n+4:]
		if size > uint64(len(b)) {
			return nil, fmt.Errorf("metadata: property %.32q claims %d bytes, %d are there", name, size, len(b))
		}
		folded := foldCase(name)
		if _, twice := names[folded]; twice {
			return nil, fmt.Errorf("metadata: property %.32q is there twice", name)
		}
		names[folded] = struct{}{}
		m = append(m, Property{name, string(b[:size])})
		b = b[size:]
	}
	return m, nil
}

// foldCase returns the same string for all names that strings.EqualFold considers
// equal; such names may have different lower-case forms.
func foldCase(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// CheckIdentity returns an error for an identity that must not be announced.
func CheckIdentity(id string) error {
	if len(id) > MaxIdentity {
		return fmt.Errorf("identity has %d bytes, at most %d are allowed", len(id), MaxIdentity)
	}
	if id != "" && id[0] == 0 {
		return fmt.Errorf("identity %q begins with a zero byte, which ZeroMQ keeps for itself", id)
	}
	return nil
}
