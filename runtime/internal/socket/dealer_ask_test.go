package socket

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

var errRefuse = errors.New("this request cannot be encoded")

// An ask is one call: its request says who asks, and its reply must say the
// same.
type ask struct {
	who    uint64
	size   int
	refuse bool
	ready  time.Duration // 0: until the context ends

	appended  atomic.Int32
	delivered atomic.Int32
	over      atomic.Bool // Do has returned
	got       string
	fault     atomic.Pointer[string]
	tooLarge  *zmtp.SizeError // the reply
}

func (a *ask) AppendRequest(b []byte) ([]byte, error) {
	a.appended.Add(1)
	a.check()
	if a.refuse {
		return b, errRefuse
	}
	b = zmtp.AppendHeader(b, zmtp.FlagMore, 8)
	b = binary.BigEndian.AppendUint64(b, a.who)
	b = zmtp.AppendHeader(b, 0, a.size)
	for i := range a.size {
		b = append(b, byte(int(a.who)+i))
	}
	return b, nil
}

func (a *ask) AppendCancel(b []byte) ([]byte, bool) {
	a.check()
	b = zmtp.AppendHeader(b, zmtp.FlagMore, 8)
	b = binary.BigEndian.AppendUint64(b, a.who)
	return zmtp.AppendFrameString(b, 0, "cancel"), a.size%2 == 0
}

func (a *ask) Deliver(frames [][]byte) {
	a.check()
	if n := a.delivered.Add(1); n > 1 {
		a.wrong("delivered %d times", n)
	}
	if len(frames) == 0 {
		return
	}
	a.got = string(frames[0])
	if len(frames) != 2 || len(frames[0]) != 8 || binary.BigEndian.Uint64(frames[0]) != a.who || len(frames[1]) != a.size {
		a.wrong("got the reply %.60q", frames)
		return
	}
	for i, c := range frames[1] {
		if c != byte(int(a.who)+i) {
			a.wrong("reply is damaged at %d", i)
			return
		}
	}
}

func (a *ask) TooLarge(err *zmtp.SizeError) {
	a.check()
	if n := a.delivered.Add(1); n > 1 {
		a.wrong("delivered %d times", n)
	}
	a.tooLarge = err
}

func (a *ask) check() {
	if a.over.Load() {
		a.wrong("used after Do returned")
	}
}

func (a *ask) wrong(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	a.fault.CompareAndSwap(nil, &text)
}

// do makes the call and checks the contract of Do.
func (a *ask) do(t *testing.T, d *Dealer, ctx context.Context) error {
	err := d.Do(ctx, a, a.ready)
	a.over.Store(true)
	n := a.delivered.Load()
	switch {
	case err == nil && n != 1:
		t.Errorf("call %d: no error, and %d replies", a.who, n)
	case err != nil && n != 0:
		t.Errorf("call %d: %v, and %d replies", a.who, err, n)
	}
	if fault := a.fault.Load(); fault != nil {
		t.Errorf("call %d: %s", a.who, *fault)
	}
	return err
}

// reply answers a request as it came.
func reply(m [][]byte) []byte { return zmtptest.AppendMessage(nil, m...) }
