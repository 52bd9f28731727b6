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

func rawEnds() Ends {
	return Ends{
		Name:  Raw,
		Serve: func(o Options) (Server, error) { return newRawServer(o) },
		Dial:  func(o Options, addr string) (Unary, error) { return dialRaw(o, addr) },
	}
}

type rawUnary struct {
	server *rawServer // nil: another process's
	conns  []net.Conn
	spread *spread
	bufs   [][]byte
}

func openRaw(o Options) (Unary, error) {
	server, err := newRawServer(o)
	if err != nil {
		return nil, err
	}
	u, err := dialRaw(o, server.Addr())
	if err != nil {
		server.Close()
		return nil, err
	}
	u.server = server
	return u, nil
}

// A rawServer echoes.
type rawServer struct {
	ln net.Listener
	wg sync.WaitGroup
}

func newRawServer(o Options) (*rawServer, error) {
	ln, err := net.Listen(network(o.Listen))
	if err != nil {
		return nil, err
	}
	s := &rawServer{ln: ln}
	s.wg.Go(func() {
		for {
			peer, err := ln.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { echoRaw(peer, o.Size) })
		}
	})
	return s, nil
}

func echoRaw(peer net.Conn, size int) {
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
}

// Addr returns where the server is.
func (s *rawServer) Addr() string { return endpointOf(s.ln) }

// Close stops the server, whose connections have to be closed.
func (s *rawServer) Close() {
	s.ln.Close()
	s.wg.Wait()
}

func dialRaw(o Options, endpoint string) (*rawUnary, error) {
	o.Conns = max(o.Conns, o.Callers)
	u := &rawUnary{spread: newSpread(o)}
	for range o.Callers {
		u.bufs = append(u.bufs, payload(o.Size))
	}
	network, addr := network(endpoint)
	for range o.Conns {
		conn, err := net.Dial(network, addr)
		if err != nil {
			u.Close()
			return nil, err
		}
		u.conns = append(u.conns, conn)
	}
	return u, nil
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
	if u.server != nil {
		u.server.Close()
	}
}
