// Package rawzmtp writes and reads ZMTP 3.1 byte by byte. It is written from
// RFC 37 and shares no code with the runtime, so that the two check each other.
package rawzmtp

import "encoding/binary"

// The flags of a frame.
const (
	FlagMore    = 1
	FlagLong    = 2
	FlagCommand = 4
)

// GreetingSize is the size of every greeting.
const GreetingSize = 64

// Greeting returns the greeting of a peer that speaks ZMTP major.minor. The
// first byte of its padding is 0; libzmq sends 1.
func Greeting(major, minor byte, mechanism string) []byte {
	b := make([]byte, GreetingSize)
	b[0], b[9], b[10], b[11] = 0xff, 0x7f, major, minor
	copy(b[12:32], mechanism)
	return b
}

// Frame returns one frame in its shortest form.
func Frame[T string | []byte](flags byte, content T) []byte {
	if len(content) > 255 {
		return LongFrame(flags, content)
	}
	return append([]byte{flags, byte(len(content))}, content...)
}

// LongFrame returns one frame whose size has eight bytes.
func LongFrame[T string | []byte](flags byte, content T) []byte {
	b := binary.BigEndian.AppendUint64([]byte{flags | FlagLong}, uint64(len(content)))
	return append(b, content...)
}

// Message returns one message.
func Message[T string | []byte](frames ...T) (b []byte) {
	for i, f := range frames {
		flags := byte(FlagMore)
		if i == len(frames)-1 {
			flags = 0
		}
		b = append(b, Frame(flags, f)...)
	}
	return b
}

// Command returns one command.
func Command[T string | []byte](name string, data T) []byte {
	content := append([]byte{byte(len(name))}, name...)
	return Frame(FlagCommand, append(content, data...))
}

// Metadata returns properties. The arguments are names and values in turn.
func Metadata(properties ...string) (b []byte) {
	for i := 0; i < len(properties); i += 2 {
		name, value := properties[i], properties[i+1]
		b = append(append(b, byte(len(name))), name...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(value)))
		b = append(b, value...)
	}
	return b
}

// Ready returns a READY command. The arguments are names and values in turn.
func Ready(properties ...string) []byte { return Command("READY", Metadata(properties...)) }

// Hello returns all that a peer without a security mechanism sends before its
// first message. The properties follow the socket type in its READY.
func Hello(socketType string, properties ...string) []byte {
	return append(Greeting(3, 1, "NULL"), Ready(append([]string{"Socket-Type", socketType}, properties...)...)...)
}
