package cases

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
)

const liveStreams = 99

// unreadCase is streams beside one that nobody reads.
func unreadCase() Case {
	return Case{
		Name: "99 server streams 64 B on one connection, with and without one that nobody reads", Unit: "messages/s",
		Run: func(cfg *Config, r *Result) {
			var list []*contender
			for _, unread := range []bool{false, true} {
				o := rival.Options{Size: 64, Callers: liveStreams}
				for _, c := range r.streams(cfg, o, unreadRate(cfg, unread), rival.Ours, "gRPC") {
					if unread {
						c.row.against = rival.Ours + unreadSuffix
						c.row.named(c.row.Rival, unreadSuffix)
					}
					list = append(list, c)
				}
			}
			interleave(brief(cfg), list)
			t := Target{What: "rate beside it ÷ rate without it", Want: 0.95, Unknown: "ours was not measured"}
			without, beside := r.find(rival.Ours), r.find(rival.Ours+unreadSuffix)
			if without != nil && beside != nil {
				t.Got, t.Unknown = r.ratio(beside, without).Median, ""
			}
			r.Targets = append(r.Targets, t)
		},
	}
}

const unreadSuffix = ", one unread"

func unreadRate(cfg *Config, unread bool) func(*Row, rival.Streams) error {
	live := watchRate(cfg, liveStreams)
	return func(row *Row, s rival.Streams) error {
		if !unread {
			return live(row, s)
		}
		first, leave, failed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			failed <- s.Watch(0, func() bool {
				close(first)
				<-leave
				return false
			})
		}()
		select {
		case <-first:
		case err := <-failed:
			return err
		}
		err := live(row, s)
		close(leave)
		if failure := <-failed; err == nil {
			err = failure
		}
		return err
	}
}

// droppedCase is what streams leave behind whose caller has gone away.
func droppedCase() Case {
	return Case{
		Name: "heap after 10,000 streams that were left or forgotten", Unit: "heap after ÷ heap before", Less: true,
		Run: func(cfg *Config, r *Result) {
			n := 10000
			if cfg.Quick {
				n = 200
			}
			few := *cfg
			few.Rounds = 1
			left, dropped := r.row(rival.Ours, ""), r.row(rival.Ours, "")
			dropped.named(rival.Ours, ", forgotten")
			o := rival.Options{Size: 64, Callers: 1}
			list := []*contender{
				streaming(left, &cfg.Rivals[0], o, remains(n, leaveOne)),
				streaming(dropped, &cfg.Rivals[0], o, remains(n, rival.Streams.Drop)),
			}
			for i := range cfg.Rivals {
				if v := &cfg.Rivals[i]; v.Name == "gRPC" {
					row := r.row(v.Name, "")
					row.named(v.Name, ", forgotten")
					row.against = dropped.Rival
					list = append(list, streaming(row, v, o, remains(n, rival.Streams.Drop)))
				}
			}
			interleave(&few, list)
			r.Notes = append(r.Notes, fmt.Sprintf("%d streams on one connection, 100 at once, behind three times as many others, so that what Go and the connection keep for reuse (goroutines, tables) is there before. Left: a server stream whose caller breaks off its loop behind the first message. "+
				"Forgotten: a bidirectional stream that sent one message, and whose handle is garbage then. The heap is that of both ends.", n))
			for _, row := range []*Row{left, dropped} {
				r.Targets = append(r.Targets, Target{What: row.Rival, Got: measure.NewStat(row.rounds).Max, Want: 1.1, AtMost: true})
			}
		},
	}
}

func leaveOne(s rival.Streams) error { return s.Watch(0, func() bool { return false }) }

// remains opens and gives up n streams and looks at what is left.
func remains(n int, giveUp func(rival.Streams) error) func(*Row, rival.Streams) error {
	return func(row *Row, s rival.Streams) error {
		for range 3 { // so that what is kept for reuse is there
			if err := giveUpMany(n, giveUp, s); err != nil {
				return err
			}
			runtime.GC() // else more may be alive at once next time
		}
		before, goroutines := settled(0)
		if err := giveUpMany(n, giveUp, s); err != nil {
			return err
		}
		after, left := settled(goroutines)
		row.add(float64(after) / float64(before))
		row.Note = fmt.Sprintf("%d goroutines before, %d after; %d KiB before, %d KiB after", goroutines, left, before>>10, after>>10)
		return nil
	}
}

func giveUpMany(n int, giveUp func(rival.Streams) error, s rival.Streams) error {
	const atOnce = 100
	var wg sync.WaitGroup
	errs := make(chan error, atOnce)
	for range atOnce {
		wg.Go(func() {
			for range n / atOnce {
				if err := giveUp(s); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// settled returns the reachable heap and the number of goroutines, when there are
// no more of these than may be and the heap shrinks no more, or after a while.
func settled(mayBe int) (heap uint64, goroutines int) {
	for range 20 {
		last := heap
		runtime.GC()
		time.Sleep(50 * time.Millisecond) // what garbage ends, ends in other goroutines
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap, goroutines = m.HeapAlloc, runtime.NumGoroutine()
		if goroutines <= mayBe && heap >= last-last/100 && last > 0 {
			break
		}
	}
	return heap, goroutines
}
