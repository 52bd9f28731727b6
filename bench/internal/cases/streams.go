package cases

import (
	"fmt"
	"slices"
	"time"

	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

// streamCases are streaming calls.
func streamCases() []Case {
	return []Case{
		watchCase(1, 64, want{rival.RawStream, 0.5}, want{"gRPC", 3}),
		watchCase(1, 64<<10, want{"gRPC", 2}),
		watchCase(100, 64, want{"gRPC", 3}),
		uploadCase(64, want{rival.RawStream, 0.5}, want{"gRPC", 3}),
		uploadCase(64<<10, want{"gRPC", 2}),
		chatCase(),
		firstCase(),
		streamAllocsCase(),
		longLineCase(),
		unreadCase(),
		droppedCase(),
	}
}

// brief returns cfg, with one round where the figures mean nothing.
func brief(cfg *Config) *Config {
	if !cfg.Quick {
		return cfg
	}
	once := *cfg
	once.Rounds = 1
	return &once
}

// watchCase is streams from a server to its caller.
func watchCase(streams, size int, wants ...want) Case {
	name := fmt.Sprintf("server stream %s", sizeName(size))
	if streams > 1 {
		name = fmt.Sprintf("%d server streams %s on one connection", streams, sizeName(size))
	}
	return Case{
		Name: name, Unit: "messages/s",
		Run: func(cfg *Config, r *Result) {
			interleave(brief(cfg), r.streams(cfg, rival.Options{Size: size, Callers: streams}, watchRate(cfg, streams)))
			for _, w := range wants {
				r.atLeast(w.rival, w.times)
			}
		},
	}
}

// chatCase is one message at a time, there and back.
func chatCase() Case {
	return Case{
		Name: "bidirectional stream 64 B, ping-pong", Unit: "round trips/s",
		Run: func(cfg *Config, r *Result) {
			interleave(brief(cfg), r.streams(cfg, rival.Options{Size: 64, Callers: 1}, chatRate(cfg)))
			r.atLeast("gRPC", 3)
		},
	}
}

// streams adds a row for each rival that can have as many streams as callers on a
// connection.
func (r *Result) streams(cfg *Config, o rival.Options, do func(*Row, rival.Streams) error, only ...string) (list []*contender) {
	for i := range cfg.Rivals {
		v := &cfg.Rivals[i]
		single := v.Name == "drpc" || v.Name == rival.RawStream
		if v.Streams == nil || single && o.Callers > 1 || len(only) > 0 && !slices.Contains(only, v.Name) {
			continue
		}
		if row := r.rowOf(v); row != nil {
			switch v.Name {
			case "connect":
				row.Note = "h2c"
			case "ttrpc":
				row.Note = "over tcp; no flow control: it drops messages that are not read in time"
			}
			list = append(list, streaming(row, v, o, do))
		}
	}
	return list
}

// streaming opens a rival's streams for what is to be done with them.
func streaming(row *Row, v *rival.Rival, o rival.Options, do func(*Row, rival.Streams) error) *contender {
	return &contender{row, func() error {
		s, err := v.Streams(o)
		if err != nil {
			return err
		}
		defer s.Close()
		return do(row, s)
	}}
}

func watchRate(cfg *Config, streams int) func(*Row, rival.Streams) error {
	return func(row *Row, s rival.Streams) error {
		return row.flow(cfg, streams, func(next func() bool) error { return s.Watch(0, next) })
	}
}

func chatRate(cfg *Config) func(*Row, rival.Streams) error {
	return func(row *Row, s rival.Streams) error { return row.flow(cfg, 1, s.Chat) }
}

func (row *Row) flow(cfg *Config, streams int, run func(func() bool) error) error {
	sample, err := measure.Flow(streams, cfg.WarmUp, cfg.Round, run)
	if err == nil {
		row.addSample(sample)
	}
	return err
}

// firstCase is how long the first message of a stream takes.
func firstCase() Case {
	return Case{
		Name: "server stream 64 B, time to the first message", Unit: "µs, p50", Less: true,
		Run: func(cfg *Config, r *Result) {
			interleave(brief(cfg), r.streams(cfg, rival.Options{Size: 64, Callers: 1}, func(row *Row, s rival.Streams) error {
				return row.first(cfg, s)
			}))
			r.Notes = append(r.Notes, "On a connection that is open, one stream of one message after the other. CPU and allocations are those of the whole stream.")
			r.atLeast("gRPC", 1)
		},
	}
}

func (row *Row) first(cfg *Config, s rival.Streams) error {
	var took measure.Histogram
	open := func(int) error {
		begin := time.Now()
		return s.Watch(1, func() bool {
			took.Add(time.Since(begin))
			return true
		})
	}
	if _, err := measure.Calls(1, cfg.WarmUp, open); err != nil {
		return err
	}
	took = measure.Histogram{}
	sample, err := measure.Calls(1, cfg.Round, open)
	if err == nil {
		sample.P50, sample.P99 = took.Quantile(0.5), took.Quantile(0.99)
		row.add(float64(sample.P50) / 1e3)
		row.samples = append(row.samples, sample)
	}
	return err
}

// streamAllocsCase counts ours on both ends together, beyond protobuf's own.
func streamAllocsCase() Case {
	return Case{
		Name: "allocations of gozmq's streams, both ends together", Unit: "allocations per message", Less: true,
		Run: func(cfg *Config, r *Result) {
			v := &cfg.Rivals[0]
			o := rival.Options{Size: 64, Callers: 1}
			watch := r.row("server stream 64 B", "as decoded included")
			chat := r.row("ping-pong 64 B", "as decoded and the handler's answer included; half of a round trip")
			interleave(brief(cfg), []*contender{
				streaming(watch, v, o, watchRate(cfg, 1)),
				streaming(chat, v, o, chatRate(cfg)),
			})
			for _, row := range r.Rows {
				for i, s := range row.samples {
					row.rounds[i] = s.Allocs
					if row == chat {
						row.rounds[i] /= 2
					}
				}
			}
			own := decodeAllocs()
			r.Targets = []Target{
				{What: "server stream, without protobuf's own", Got: max(measure.NewStat(watch.rounds).Median-own, 0), Want: 2, AtMost: true},
				{What: "ping-pong, without protobuf's own", Got: max(measure.NewStat(chat.rounds).Median-own, 0), Want: 2, AtMost: true},
			}
		},
	}
}

// longLineCase is much data over a long way.
func longLineCase() Case {
	return Case{
		Name: "1 GiB of 64 KiB in one server stream, round trip 100 ms", Unit: "MB/s",
		Run: func(cfg *Config, r *Result) {
			const size = 64 << 10
			count, delay := 1<<30/size, 50*time.Millisecond
			if cfg.Quick {
				count, delay = 4<<20/size, 5*time.Millisecond
			}
			few := *brief(cfg)
			few.Rounds = min(few.Rounds, 2)
			do := func(row *Row, s rival.Streams) error { return row.transfer(s, count, size) }
			interleave(&few, r.streams(cfg, rival.Options{Size: size, Callers: 1, Delay: delay}, do, rival.Ours, "gRPC"))
			r.Notes = append(r.Notes, fmt.Sprintf("%d MiB, from the call to the last message, so the growth of the windows is in it; "+
				"the line is a proxy in the same process that holds every byte for %v each way. Nothing is tuned.", count*size>>20, delay))
			r.atLeast("gRPC", 1)
		},
	}
}

func (row *Row) transfer(s rival.Streams, count, size int) error {
	n, begin := 0, time.Now()
	err := s.Watch(uint64(count), func() bool { n++; return true })
	if err == nil && n != count {
		err = fmt.Errorf("got %d messages, want %d", n, count)
	}
	if err == nil {
		row.add(float64(n) * float64(size) / 1e6 / time.Since(begin).Seconds())
	}
	return err
}
