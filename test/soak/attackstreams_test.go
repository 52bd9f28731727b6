package soak

import (
	"context"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// Headers of the messages of streams.
const (
	inStream = "\x22\x00"
	atEnd    = "\x22\x02\x20\x01"
	oneMore  = "\x22\x02\x08\x01" // a credit of one message
	giveUp   = "\x18\x01"
)

// aBody is a body of the streams' methods, of that many bytes.
func aBody(size int) string {
	head := protowire.AppendVarint([]byte{0x0a}, uint64(size))
	return string(head) + strings.Repeat("x", size)
}

// streamAttacks are those of attacks that use streams.
func streamAttacks() []attack {
	return []attack{
		{name: "credit of absurd size", at: few(), run: grantEndlessly, memory: 32, descriptors: 64},
		{name: "messages beyond the credit", at: 4, run: manyStreams(beyondTheCredit), memory: 32, descriptors: 64, told: gozmq.EventMalformed},
		{name: "messages behind the end", at: few(), run: manyStreams(behindTheEnd), memory: 32, descriptors: 64, told: gozmq.EventMalformed},
		{name: "streams opened and canceled", at: 4, run: manyStreams(openAndCancel), memory: 32, descriptors: 64},
		{name: "streams that are not read", at: 4, run: manyStreams(openWithoutReading), memory: 256, descriptors: 64},
		{name: "streams on connections that are not read", deaf: true, at: 10, run: floodDeaf, memory: 160, descriptors: 64},
		{name: "uploads without an end", at: many(), run: uploadOnce, memory: 4 + many()/16, descriptors: many() + 64},
		{name: "large messages that are not received", at: 4, run: manyStreams(fillStuck), memory: 256 + 96, descriptors: 64},
		{name: "streams with long envelopes", at: 4, run: manyStreams(longEnvelope), memory: 64, descriptors: 64, told: gozmq.EventMalformed},
	}
}

// few is how many connections make an attack whose rest a server, built to find
// races, reads for seconds.
func few() int {
	if *hostileFor > 0 {
		return 4
	}
	return 1
}

// manyStreams sends what a list of streams sends, without end. of returns the
// bytes of one stream with that envelope.
func manyStreams(of func(id string) []byte) func(context.Context, net.Conn, int) {
	return func(ctx context.Context, c net.Conn, _ int) {
		_, err := c.Write(rawzmtp.Hello("DEALER"))
		var b []byte
		for i := 0; err == nil && ctx.Err() == nil; i++ {
			if b = append(b, of(strconv.Itoa(i))...); len(b) > 8<<10 {
				_, err = c.Write(b)
				b = b[:0]
			}
		}
	}
}

func beyondTheCredit(id string) []byte {
	b := rawzmtp.Message(id, "", stuckMethod.Procedure, aBody(1), inStream)
	for range 100 {
		b = append(b, rawzmtp.Message(id, "", "", aBody(1))...)
	}
	return b
}

func behindTheEnd(id string) []byte {
	b := rawzmtp.Message(id, "", stuckMethod.Procedure, aBody(1), atEnd)
	for range 10 {
		b = append(b, rawzmtp.Message(id, "", "", aBody(1))...)
	}
	return append(b, rawzmtp.Message(id, "", "", "", giveUp)...)
}

func openAndCancel(id string) []byte {
	return slices.Concat(rawzmtp.Message(id, "", floodMethod.Procedure, aBody(1), oneMore), rawzmtp.Message(id, "", "", "", giveUp))
}

// openWithoutReading opens a stream whose handler soon waits for credit.
func openWithoutReading(id string) []byte {
	return rawzmtp.Message(id, "", floodMethod.Procedure, aBody(1), oneMore)
}

// fillStuck sends a large message to a handler that does not receive. It is
// within the credit.
func fillStuck(id string) []byte {
	return slices.Concat(rawzmtp.Message(id, "", stuckMethod.Procedure, aBody(1), inStream), rawzmtp.Message(id, "", "", aBody(4<<20-10)))
}

// longEnvelope opens a stream with an envelope of 1 MiB, and gives it up.
func longEnvelope(id string) []byte {
	id = strings.Repeat("x", 1<<20) + id
	return slices.Concat(rawzmtp.Message(id, "", stuckMethod.Procedure, aBody(1), inStream), rawzmtp.Message(id, "", "", "", giveUp))
}

// grantEndlessly grants all that a header can, over and over, to a stream whose
// handler has ended and to one whose handler never sends.
func grantEndlessly(ctx context.Context, c net.Conn, _ int) {
	most := protowire.AppendVarint([]byte{0x08}, math.MaxUint64)
	most = protowire.AppendVarint(append(most, 0x10), math.MaxUint64)
	most = append(most, 0x18, 1)
	grant := string(append([]byte{0x22, byte(len(most))}, most...))
	_, err := c.Write(slices.Concat(rawzmtp.Hello("DEALER"),
		rawzmtp.Message("a", "", chatMethod.Procedure, aBody(1), inStream), rawzmtp.Message("b", "", watchMethod.Procedure, aBody(1), atEnd)))
	var b []byte
	for range 100 {
		b = append(b, rawzmtp.Message("a", "", "", "", grant)...)
		b = append(b, rawzmtp.Message("b", "", "", "", grant)...)
	}
	for err == nil && ctx.Err() == nil {
		_, err = c.Write(b)
	}
}

// floodDeaf has streams without bound send, and reads nothing.
func floodDeaf(ctx context.Context, c net.Conn, n int) {
	b := rawzmtp.Hello("DEALER")
	for i := range 100 {
		b = append(b, rawzmtp.Message(strconv.Itoa(i), "", floodMethod.Procedure, aBody(1), inStream)...)
	}
	_, _ = c.Write(b)
	say("made", n)
	<-ctx.Done()
}

// uploadOnce begins an upload, and never ends it.
func uploadOnce(_ context.Context, c net.Conn, _ int) {
	_, _ = c.Write(slices.Concat(rawzmtp.Hello("DEALER"), rawzmtp.Message("a", "", uploadMethod.Procedure, aBody(1000), inStream)))
}
