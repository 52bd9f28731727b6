package zmtptest

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// LongHeader returns a frame header in the long form.
func LongHeader(flags byte, size uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{flags | zmtp.FlagLong}, size)
}

// with returns b with one byte changed.
func with(b []byte, offset int, value byte) []byte {
	b = bytes.Clone(b)
	b[offset] = value
	return b
}

// A BadHandshake is sent by a hostile or foreign peer in place of a handshake.
type BadHandshake struct {
	Name   string
	Send   []byte
	Reason string // a part of the expected error
}

// BadHandshakes returns handshakes that a ROUTER must refuse.
func BadHandshakes() []BadHandshake {
	return []BadHandshake{
		{"READY of one zero byte", Join(Greeting(3, 1, "NULL"), []byte{4, 1, 0}), "in place of READY"},
		{"READY without properties", Join(Greeting(3, 1, "NULL"), Ready()), `peer is a "" socket`},
		{"READY without a socket type", Join(Greeting(3, 1, "NULL"), Ready("Identity", "x")), `peer is a "" socket`},
		{"Socket-Type=CLIENT", Hello("CLIENT"), `peer is a "CLIENT" socket, which does not go with ROUTER: is this the right address?`},
		{"Socket-Type=PUB", Hello("PUB"), `peer is a "PUB" socket`},
		{"Socket-Type in lower case", Hello("dealer"), `peer is a "dealer" socket`},
		{"header of 2^31", Join(Greeting(3, 1, "NULL"), LongHeader(zmtp.FlagCommand, 1<<31)), "handshake command of 2147483648 bytes"},
		{"header of 2^46", Join(Greeting(3, 1, "NULL"), LongHeader(zmtp.FlagCommand, 1<<46)), "handshake command of 70368744177664 bytes"},
		{"header of 2^62", Join(Greeting(3, 1, "NULL"), LongHeader(zmtp.FlagCommand, 1<<62)), "handshake command of 4611686018427387904 bytes"},
		{"header of 2^64-1", Join(Greeting(3, 1, "NULL"), LongHeader(zmtp.FlagCommand, 1<<64-1)), "more than a frame can have"},
		{"empty command", Join(Greeting(3, 1, "NULL"), []byte{4, 0}), "handshake command of 0 bytes"},
		{"endless MORE frames", Join(Greeting(3, 1, "NULL"), bytes.Repeat([]byte{1, 0}, 1000)), "message before the handshake"},
		{"message before READY", Join(Greeting(3, 1, "NULL"), []byte("\x00\x05hello")), "message before the handshake"},
		{"reserved flags", Join(Greeting(3, 1, "NULL"), []byte{0x84, 2, 1, 'x'}), "reserved flag bits"},
		{"command with MORE", Join(Greeting(3, 1, "NULL"), []byte{5, 2, 1, 'x'}), "MORE flag"},
		{"oversized metadata", Join(Greeting(3, 1, "NULL"), Ready("Socket-Type", "DEALER", "X-Big", strings.Repeat("x", 9000))), "handshake command of 90"},
		{"metadata that claims more", Join(Greeting(3, 1, "NULL"), zmtp.AppendCommand(nil, "READY", []byte("\x0bSocket-Type\xff\xff\xff\xffDEALER"))), "claims 4294967295 bytes"},
		{"metadata with an identity twice", Join(Greeting(3, 1, "NULL"), Ready("Socket-Type", "DEALER", "identity", "admin", "Identity", "me")), `property "Identity" is there twice`},
		{"ERROR with a forged line", Join(Greeting(3, 1, "NULL"), zmtp.AppendCommand(nil, "ERROR", zmtp.ErrorBody("no\nlevel=INFO"))), `refused the handshake: no\nlevel=INFO`},
		{"metadata without a name", Join(Greeting(3, 1, "NULL"), zmtp.AppendCommand(nil, "READY", make([]byte, 5))), "has no name"},
		{"command name longer than the command", Join(Greeting(3, 1, "NULL"), []byte("\x04\x06\xffREADY")), "command"},
		{"identity that begins with zero", Join(Greeting(3, 1, "NULL"), Ready("Socket-Type", "DEALER", "Identity", "\x00x")), "identity"},
		{"identity of 256 bytes", Join(Greeting(3, 1, "NULL"), Ready("Socket-Type", "DEALER", "Identity", strings.Repeat("x", 256))), "identity has 256 bytes"},
		{"PING in place of READY", Join(Greeting(3, 1, "NULL"), zmtp.AppendPing(nil, 0)), `"PING" in place of READY`},
		{"ERROR in place of READY", Join(Greeting(3, 1, "NULL"), zmtp.AppendCommand(nil, "ERROR", zmtp.ErrorBody("not you"))), "refused the handshake: not you"},
		{"malformed ERROR", Join(Greeting(3, 1, "NULL"), zmtp.AppendCommand(nil, "ERROR", []byte("\xffno"))), "refused the handshake: no"},
		{"CURVE", Greeting(3, 1, "CURVE"), `security mechanism "CURVE"`},
		{"PLAIN", Greeting(3, 0, "PLAIN"), `security mechanism "PLAIN"`},
		{"no mechanism", Greeting(3, 1, ""), `security mechanism ""`},
		{"as-server neither 0 nor 1", with(Greeting(3, 1, "NULL"), 32, 7), "server flag"},
		{"signature's first byte", with(Greeting(3, 1, "NULL"), 0, 0xfe), "no ZMTP signature"},
		{"signature's last byte", with(Greeting(3, 1, "NULL"), 9, 0x7e), "no ZMTP signature"},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), "no ZMTP signature"},
		{"TLS", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "no ZMTP signature"},
		{"ZMTP 1", []byte("\x01\x00"), "no ZMTP signature"},
		{"ZMTP 2", []byte("\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x01\x05\x00\x00"), "before version 3"},
		{"version 2 in a whole greeting", Greeting(2, 0, "NULL"), "before version 3"},
	}
}
