package rival

import (
	"net"
	"sync"
	"time"
)

// What a Line has on its way in each direction: parts of at most linePart bytes.
// It is more than any window that is measured.
const (
	linePart  = 64 << 10
	lineParts = 1024
)

// A Line is a long way to a server: a proxy that passes all bytes on a while after
// they came, however many others are on their way. (gozmqtest.Proxy holds one part
// at a time, which makes a slow line, not a long one.)
type Line struct {
	listener net.Listener
	target   string
	delay    time.Duration
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

// NewLine makes a line that takes delay each way.
func NewLine(target string, delay time.Duration) (*Line, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Line{listener: listener, target: target, delay: delay}
	l.wg.Go(l.accept)
	return l, nil
}

// Addr returns what to dial.
func (l *Line) Addr() string { return l.listener.Addr().String() }

// Close ends all connections.
func (l *Line) Close() {
	if l == nil {
		return
	}
	l.listener.Close()
	l.mu.Lock()
	for _, c := range l.conns {
		c.Close()
	}
	l.mu.Unlock()
	l.wg.Wait()
}

func (l *Line) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		target, err := net.Dial("tcp", l.target)
		if err != nil {
			client.Close()
			continue
		}
		l.mu.Lock()
		l.conns = append(l.conns, client, target)
		l.mu.Unlock()
		l.pass(target, client)
		l.pass(client, target)
	}
}

// A parcel is bytes on their way.
type parcel struct {
	b   []byte
	due time.Time
}

// pass passes bytes on in one direction, and the end of them.
func (l *Line) pass(dst, src net.Conn) {
	way := make(chan parcel, lineParts)
	free := sync.Pool{New: func() any { return make([]byte, linePart) }}
	l.wg.Go(func() {
		defer close(way)
		for {
			buf := free.Get().([]byte)
			n, err := src.Read(buf[:linePart])
			if err != nil {
				return
			}
			way <- parcel{buf[:n], time.Now().Add(l.delay)}
		}
	})
	l.wg.Go(func() {
		defer dst.Close()
		for p := range way {
			time.Sleep(time.Until(p.due))
			if _, err := dst.Write(p.b); err != nil {
				src.Close()
			}
			free.Put(p.b[:linePart])
		}
	})
}
