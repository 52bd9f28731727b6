package rival

import (
	"io"
	"net"
	"sync"
)

// raw is the floor: the same bytes over a plain tcp connection per caller.
func raw() Rival {
	return Rival{Name: Raw, Note: "one connection per caller, no encoding", Unary: openRaw}
}

type rawUnary struct {
	ln     net.Listener
	wg     sync.WaitGroup
	conns  []net.Conn
	spread *spread
	bufs   [][]byte
}

func openRaw(o Options) (Unary, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o.Conns = max(o.Conns, o.Callers)
	u := &rawUnary{ln: ln, spread: newSpread(o)}
	for range o.Callers {
		u.bufs = append(u.bufs, payload(o.Size))
	}
	for range o.Conns {
		if err := u.connect(o.Size); err != nil {
			u.Close()
			return nil, err
		}
	}
	return u, nil
}

func (u *rawUnary) connect(size int) error {
	conn, err := net.Dial("tcp", u.ln.Addr().String())
	if err != nil {
		return err
	}
	u.conns = append(u.conns, conn)
	peer, err := u.ln.Accept()
	if err != nil {
		return err
	}
	u.wg.Go(func() {
		defer peer.Close()
		buf := make([]byte, size)
		for {
			if _, err := io.ReadFull(peer, buf); err != nil {
				return
			}
			if _, err := peer.Write(buf); err != nil {
				return
			}
		}
	})
	return nil
}

func (u *rawUnary) Call(i int) error {
	conn := u.conns[u.spread.next(i)]
	if _, err := conn.Write(u.bufs[i]); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, u.bufs[i])
	return err
}

func (u *rawUnary) Close() {
	for _, c := range u.conns {
		c.Close()
	}
	u.ln.Close()
	u.wg.Wait()
}
