package child

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	"github.com/gozmq/gozmq/bench/gen/bench/v1/benchv1gozmq"
	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

const (
	burstSize  = 64 << 20          // bytes of each of a burst's messages
	burstLimit = burstSize + 1<<20 // what the libraries are told to accept
	atOnce     = 2                 // calls of a burst
)

// burst reports the size of the heap after small calls, and then after so many
// large ones.
func burst(name string, args []string, out *json.Encoder) error {
	if len(args) != 1 {
		return fmt.Errorf("burst: want a number of calls")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	call, stop, err := echoer(name)
	if err != nil {
		return err
	}
	defer stop()
	for range 1000 {
		if err := call(64); err != nil {
			return err
		}
	}
	if err := out.Encode(report{}); err != nil {
		return err
	}
	fail, asked := error(nil), 0
	return answer(out, func() uint64 {
		if asked++; asked == 2 {
			fail = large(n, call)
		}
		if fail != nil {
			_ = out.Encode(report{Err: fail.Error()})
		}
		return measure.Heap()
	})
}

func large(n int, call func(size int) error) error {
	var (
		wg   sync.WaitGroup
		errs [atOnce]error
	)
	for i := range errs {
		wg.Go(func() {
			for j := i; j < n && errs[i] == nil; j += atOnce {
				errs[i] = call(burstSize)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// echoer returns a function that makes a call of a size on one connection.
func echoer(name string) (call func(size int) error, stop func(), err error) {
	o := rival.Options{MaxMessage: burstLimit}
	if name == rival.Ours {
		return gozmqEchoer(o)
	}
	srv, err := rival.NewGRPCServer(o)
	if err != nil {
		return nil, nil, err
	}
	conn, err := rival.DialGRPC(srv.Addr(), o)
	if err != nil {
		return nil, nil, err
	}
	client := benchv1.NewEchoClient(conn)
	call = func(size int) error {
		reply, err := client.Echo(context.Background(), &benchv1.Blob{Payload: make([]byte, size)})
		return sized(reply, size, err)
	}
	return call, func() { conn.Close(); srv.Close() }, nil
}

func gozmqEchoer(o rival.Options) (call func(size int) error, stop func(), err error) {
	srv, err := rival.NewGozmqServer(o)
	if err != nil {
		return nil, nil, err
	}
	conn, err := gozmq.Dial(gozmq.Connect(srv.Addr()), gozmq.WithMaxMessageSize(o.MaxMessage), gozmq.WithEventHandler(func(gozmq.Event) {}))
	if err != nil {
		return nil, nil, err
	}
	client := benchv1gozmq.NewEchoClient(conn)
	call = func(size int) error {
		reply, err := client.Echo(context.Background(), &benchv1.Blob{Payload: make([]byte, size)})
		return sized(reply, size, err)
	}
	return call, func() { conn.Close(); srv.Close() }, nil
}

func sized(reply *benchv1.Blob, size int, err error) error {
	if err == nil && len(reply.GetPayload()) != size {
		err = fmt.Errorf("reply of %d bytes, want %d", len(reply.GetPayload()), size)
	}
	return err
}
