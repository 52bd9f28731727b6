package rival

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"

	"google.golang.org/protobuf/proto"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
)

// rawStream is the floor of streams: protobuf behind its length on a plain tcp
// connection, whose end writes when its buffer is full, or has nothing to send.
func rawStream() Rival {
	return Rival{
		Name: RawStream, Note: "protobuf behind its length, in buffers of 64 KiB; one stream", OneConn: true,
		Streams: openRawStream,
	}
}

// A framed is one end.
type framed struct {
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	in   []byte
	out  []byte
}

func newFramed(conn net.Conn) *framed {
	const buffer = 64 << 10
	return &framed{conn: conn, r: bufio.NewReaderSize(conn, buffer), w: bufio.NewWriterSize(conn, buffer)}
}

func (f *framed) send(m proto.Message) (err error) {
	f.out = binary.AppendUvarint(f.out[:0], uint64(proto.Size(m)))
	if f.out, err = (proto.MarshalOptions{UseCachedSize: true}).MarshalAppend(f.out, m); err != nil {
		return err
	}
	_, err = f.w.Write(f.out)
	return err
}

func (f *framed) recv(m proto.Message) error {
	n, err := binary.ReadUvarint(f.r)
	if err != nil {
		return err
	}
	if n > 1<<20 {
		return errors.New("too large")
	}
	if uint64(cap(f.in)) < n {
		f.in = make([]byte, n)
	}
	if _, err := io.ReadFull(f.r, f.in[:n]); err != nil {
		return err
	}
	return proto.Unmarshal(f.in[:n], m)
}

type rawStreams struct {
	ln   net.Listener
	wg   sync.WaitGroup
	mine *framed
	o    Options
}

func openRawStream(o Options) (Streams, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		ln.Close()
		return nil, err
	}
	u := &rawStreams{ln: ln, mine: newFramed(conn), o: o}
	peer, err := ln.Accept()
	if err != nil {
		u.Close()
		return nil, err
	}
	u.wg.Go(func() {
		defer peer.Close()
		serveRaw(newFramed(peer))
	})
	return u, nil
}

// serveRaw answers requests to watch. One without a size has it take an upload,
// if it has a count, and else answer with each blob from then on.
func serveRaw(f *framed) {
	for {
		req := new(benchv1.WatchRequest)
		if f.recv(req) != nil {
			return
		}
		if req.GetSize() == 0 && req.GetCount() > 0 {
			if takeRawUpload(f) != nil {
				return
			}
			continue
		}
		if req.GetSize() == 0 {
			break
		}
		if serveWatch(req, func(b *benchv1.Blob) error { return f.send(b) }) != nil || f.w.Flush() != nil {
			return
		}
	}
	_ = serveChat(f.recvBlob, f.sendNow)
}

func (f *framed) recvBlob() (*benchv1.Blob, error) {
	b := new(benchv1.Blob)
	return b, f.recv(b)
}

func (f *framed) sendNow(b *benchv1.Blob) error {
	if err := f.send(b); err != nil {
		return err
	}
	return f.w.Flush()
}

func (u *rawStreams) Watch(count uint64, got func() bool) error {
	if err := u.mine.send(watchRequest(u.o, count)); err != nil {
		return err
	}
	if err := u.mine.w.Flush(); err != nil {
		return err
	}
	for n := uint64(0); count == 0 || n < count; n++ {
		blob, err := u.mine.recvBlob()
		if err := check(blob, u.o.Size, err); err != nil {
			return err
		}
		if !got() {
			break
		}
	}
	return nil
}

func (u *rawStreams) Chat(more func() bool) error {
	if err := u.mine.send(new(benchv1.WatchRequest)); err != nil {
		return err
	}
	return chatAll(u.o, u.mine.sendNow, u.mine.recvBlob, more)
}

func (u *rawStreams) Drop() error { return errors.ErrUnsupported }

func (u *rawStreams) Close() {
	u.mine.conn.Close()
	u.ln.Close()
	u.wg.Wait()
}
