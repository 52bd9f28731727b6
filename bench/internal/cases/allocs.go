package cases

import (
	"testing"

	"google.golang.org/protobuf/proto"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// allocsCase counts ours on both ends together, of calls and of tasks.
func allocsCase() Case {
	return Case{
		Name: "allocations of gozmq, both ends together",
		Unit: "allocations per call or message",
		Less: true,
		Run: func(cfg *Config, r *Result) {
			v := &cfg.Rivals[0]
			call := r.row("unary 64 B, 1 caller", "the request and the reply as decoded, and the handler's reply, included")
			calls := r.row("unary 64 B, 64 callers", "")
			push := r.row("PUSH/PULL 64 B", "as decoded included")
			interleave(cfg, []*contender{
				unary(cfg, call, v, rival.Options{Size: 64, Callers: 1, Conns: 1}),
				unary(cfg, calls, v, rival.Options{Size: 64, Callers: 64, Conns: 1}),
				stream(cfg, push, v.Push, rival.Options{Size: 64, Receivers: 1}, 0),
			})
			for _, row := range r.Rows {
				for i, s := range row.samples {
					row.rounds[i] = s.Allocs
				}
			}
			decoding := decodeAllocs()
			r.Targets = []Target{
				{What: "unary, client and server together", Got: measure.NewStat(call.rounds).Median, Want: 9, AtMost: true},
				{What: "PUSH per message, without protobuf's own", Got: max(measure.NewStat(push.rounds).Median-decoding, 0), Want: 1, AtMost: true},
			}
		},
	}
}

// decodeAllocs is what protobuf allocates for one message.
func decodeAllocs() float64 {
	body, err := proto.Marshal(&benchv1.Blob{Payload: make([]byte, 64), Seq: 1})
	if err != nil {
		return 0
	}
	return testing.AllocsPerRun(100, func() {
		_ = proto.Unmarshal(body, new(benchv1.Blob))
	})
}
