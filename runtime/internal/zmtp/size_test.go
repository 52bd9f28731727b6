package zmtp

import (
	"bytes"
	"strings"
	"testing"
)

// TestScannerDrops passes over messages that are too large, keeps nothing of
// them, and finds what is around them.
func TestScannerDrops(t *testing.T) {
	limits := testLimits
	limits.MaxDropped = 20_000
	text := func(n int) string { return strings.Repeat("x", n) }
	with := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	more := func(frame string) []byte { return AppendFrameString(nil, FlagMore, frame) }
	ping := AppendPing(nil, 0)
	const tooLong, pinged = "exceeds the limit of 4000 (raise it with WithMaxMessageSize)", `command "\x04PING\x00\x00"`
	good := `message ["good"]`
	tests := []struct {
		name  string
		in    []byte
		want  []string
		fault string // that ends it
	}{
		{"one frame", message(text(4001)), []string{`frame of 4001 bytes ` + tooLong + `, behind []`, good}, ""},
		{"the last frame", message("a", "", text(5000)), []string{`frame of 5000 bytes ` + tooLong + `, behind ["a" ""]`, good}, ""},
		{"one in the middle", message("a", text(5000), "b", "", text(300)), []string{`frame of 5000 bytes ` + tooLong + `, behind ["a"]`, good}, ""},
		{"several", message(text(5000), text(6000), "", text(7000), ""), []string{`frame of 5000 bytes ` + tooLong + `, behind []`, good}, ""},
		{"all together", message(text(300), text(3790), text(5)), []string{
			`message of at least 4099 bytes exceeds the limit of 4096 (raise it with WithMaxMessageSize), behind ["` + text(300) + `" "` + text(3790) + `"]`, good,
		}, ""},
		{"one after the other", with(message("a", text(4001)), message(""), message("b", text(4002))), []string{
			`frame of 4001 bytes ` + tooLong + `, behind ["a"]`, `message [""]`, `frame of 4002 bytes ` + tooLong + `, behind ["b"]`, good,
		}, ""},
		{"commands", with(more("a"), ping, more(text(4001)), ping, more(""), ping, message(""), ping), []string{
			pinged, `frame of 4001 bytes ` + tooLong + `, behind ["a"]`, pinged, pinged, pinged, good,
		}, ""},
		{"as large as it may be", message("a", text(19995)), []string{`frame of 19995 bytes ` + tooLong + `, behind ["a"]`, good}, ""},
		{"larger", message("a", text(19996)), nil, "frame of 19996 bytes exceeds"},
		{"larger with what follows", with(more(text(4001)), bytes.Repeat(more(text(3998)), 4)), []string{`frame of 4001 bytes ` + tooLong + `, behind []`}, "exceeds by far the limit of 4096"},
		{"a size without end behind it", with(more(text(4001)), []byte{2, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2}), []string{`frame of 4001 bytes ` + tooLong + `, behind []`}, "exceeds by far"},
		{"frames without end behind it", with(more(text(4001)), bytes.Repeat(more(""), 16)), []string{`frame of 4001 bytes ` + tooLong + `, behind []`}, "more than 16 frames"},
		{"a command that is too large", with(more(text(4001)), AppendCommand(nil, "X", make([]byte, 600))), []string{`frame of 4001 bytes ` + tooLong + `, behind []`}, "command of 602 bytes exceeds"},
		{"no ZMTP behind it", with(more(text(4001)), []byte{0x10, 0}), []string{`frame of 4001 bytes ` + tooLong + `, behind []`}, "reserved"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := with(tt.in, message("good"))
			for _, step := range []int{1, 2, 7, 100, 4000, len(in)} {
				found, kept, err := scan(in, step, limits)
				if strings.Join(found, "\n") != strings.Join(tt.want, "\n") || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
					t.Fatalf("%d bytes at a time: %.200q, %v, want %.200q", step, found, err, tt.want)
				}
				if step < 10 && kept > 4120 || step < 10 && len(tt.want) > 0 && strings.HasSuffix(tt.want[0], "behind []") && kept > 700 {
					t.Errorf("%d bytes at a time: %d bytes were kept", step, kept)
				}
			}
		})
	}
}
