// Package message reads and writes messages for people and for other programs:
// as JSON, protobuf's text format, or bytes.
package message

// A Format is how a message is written outside of a socket.
type Format string

const (
	// JSON is protobuf's JSON, one line for each message in output; in input the
	// values follow each other with or without white space.
	JSON Format = "json"
	// Text is protobuf's text format; messages in input are separated by lines
	// of "---".
	Text Format = "text"
	// Binary is the encoded message. The input is one message.
	Binary Format = "binary"
	// Delimited is encoded messages, each after its size as a varint.
	Delimited Format = "delimited"
)

// Formats are all formats.
func Formats() []Format { return []Format{JSON, Text, Binary, Delimited} }
