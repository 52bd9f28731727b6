package child

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	"github.com/gozmq/gozmq/bench/gen/bench/v1/benchv1gozmq"
	"github.com/gozmq/gozmq/bench/internal/rival"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// held is the memory that the Go runtime has from the system, without what is
// free.
func held() uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}

// serve is the side that accepts.
func serve(name string, out *json.Encoder) error {
	addr, stop, err := server(name)
	if err != nil {
		return err
	}
	defer stop()
	if err := out.Encode(report{Addr: addr}); err != nil {
		return err
	}
	return answer(out, held)
}

func server(name string) (addr string, stop func(), err error) {
	if name == rival.Ours {
		s, err := rival.NewGozmqServer(rival.Options{})
		if err != nil {
			return "", nil, err
		}
		return s.Addr(), s.Close, nil
	}
	s, err := rival.NewGRPCServer(rival.Options{})
	if err != nil {
		return "", nil, err
	}
	return s.Addr(), s.Close, nil
}

// opening is how many connections are opened at once.
const opening = 32

// clients opens n connections, makes one call on each, and then leaves them
// idle. The first report of memory is that before the first connection.
func clients(name, addr string, n int, out *json.Encoder) error {
	if err := out.Encode(report{Addr: addr}); err != nil {
		return err
	}
	var (
		once sync.Once
		fail error
		keep []any
	)
	return answer(out, func() uint64 {
		before := uint64(0)
		once.Do(func() {
			before = held()
			keep, fail = open(name, addr, n)
		})
		if before > 0 {
			return before
		}
		if fail != nil {
			_ = out.Encode(report{Err: fail.Error()})
		}
		defer runtime.KeepAlive(keep)
		return held()
	})
}

func open(name, addr string, n int) ([]any, error) {
	var (
		wg    sync.WaitGroup
		conns = make([]any, n)
		errs  = make(chan error, n)
		turns = make(chan struct{}, opening)
	)
	for i := range conns {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			var err error
			if conns[i], err = connect(name, addr); err != nil {
				errs <- fmt.Errorf("connection %d: %w", i, err)
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
		return conns, nil
	}
}

// connect opens one connection and makes a call on it.
func connect(name, addr string) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	blob := &benchv1.Blob{Payload: make([]byte, 64)}
	if name == rival.Ours {
		conn, err := gozmq.Dial(gozmq.Connect(addr), gozmq.WithEventHandler(func(gozmq.Event) {}))
		if err != nil {
			return nil, err
		}
		_, err = benchv1gozmq.NewEchoClient(conn).Echo(ctx, blob)
		return conn, err
	}
	conn, err := rival.DialGRPC(addr, rival.Options{})
	if err != nil {
		return nil, err
	}
	_, err = benchv1.NewEchoClient(conn).Echo(ctx, blob)
	return conn, err
}
