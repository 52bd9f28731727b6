package rival

import (
	"context"
	"errors"
	"io"
	"iter"

	"connectrpc.com/connect"
	"google.golang.org/grpc"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	benchttrpcv1 "github.com/gozmq/gozmq/bench/gen/benchttrpc/v1"
)

// takeUpload is every server's Upload, but for ours.
func takeUpload(recv func() (*benchv1.Blob, error)) (*benchv1.UploadReply, error) {
	reply := new(benchv1.UploadReply)
	for {
		_, err := recv()
		if errors.Is(err, io.EOF) {
			return reply, nil
		}
		if err != nil {
			return nil, err
		}
		reply.Count++
	}
}

// upload sends count messages, and then asks how many came.
func upload(o Options, count uint64, send func(*benchv1.Blob) error, reply func() (*benchv1.UploadReply, error)) (uint64, error) {
	blob := newBlob(o.Size, 0)
	for range count {
		if err := send(blob); err != nil {
			return 0, err
		}
	}
	r, err := reply()
	return r.GetCount(), err
}

func (gozmqEcho) Upload(_ context.Context, in iter.Seq2[*benchv1.Blob, error]) (*benchv1.UploadReply, error) {
	reply := new(benchv1.UploadReply)
	for _, err := range in {
		if err != nil {
			return nil, err
		}
		reply.Count++
	}
	return reply, nil
}

func (u *gozmqStreams) Upload(count uint64) (uint64, error) {
	ctx := context.Background()
	s := u.client.Upload(ctx)
	return upload(u.o, count, func(b *benchv1.Blob) error { return s.Send(ctx, b) },
		func() (*benchv1.UploadReply, error) { return s.CloseAndReceive(ctx) })
}

func (grpcEcho) Upload(s grpc.ClientStreamingServer[benchv1.Blob, benchv1.UploadReply]) error {
	reply, err := takeUpload(s.Recv)
	if err != nil {
		return err
	}
	return s.SendAndClose(reply)
}

func (u *grpcStreams) Upload(count uint64) (uint64, error) {
	ctx, leave := leaving()
	defer leave()
	s, err := u.client.Upload(ctx)
	if err != nil {
		return 0, err
	}
	return upload(u.o, count, s.Send, s.CloseAndRecv)
}

func (drpcEcho) Upload(s benchv1.DRPCEcho_UploadStream) error {
	reply, err := takeUpload(s.Recv)
	if err != nil {
		return err
	}
	return s.SendAndClose(reply)
}

// Upload does not cancel its context, with which drpc would close the connection.
func (u *drpcStreams) Upload(count uint64) (uint64, error) {
	s, err := u.client.Upload(context.Background())
	if err != nil {
		return 0, err
	}
	return upload(u.o, count, s.Send, s.CloseAndRecv)
}

func (ttrpcEcho) Upload(_ context.Context, s benchttrpcv1.Echo_UploadServer) (*benchv1.UploadReply, error) {
	return takeUpload(s.Recv)
}

func (u *ttrpcStreams) Upload(count uint64) (uint64, error) {
	ctx, leave := leaving()
	defer leave()
	s, err := u.client[0].Upload(ctx)
	if err != nil {
		return 0, err
	}
	return upload(u.o, count, s.Send, s.CloseAndRecv)
}

func (connectEcho) Upload(_ context.Context, s *connect.ClientStream[benchv1.Blob]) (*connect.Response[benchv1.UploadReply], error) {
	reply := new(benchv1.UploadReply)
	for s.Receive() {
		reply.Count++
	}
	return connect.NewResponse(reply), s.Err()
}

func (u *connectStreams) Upload(count uint64) (uint64, error) {
	ctx, leave := leaving()
	defer leave()
	s := u.client.Upload(ctx)
	return upload(u.o, count, s.Send, func() (*benchv1.UploadReply, error) {
		reply, err := s.CloseAndReceive()
		if err != nil {
			return nil, err
		}
		return reply.Msg, nil
	})
}

// Upload asks for it with a request of its own; the last blob has a number.
func (u *rawStreams) Upload(count uint64) (uint64, error) {
	if err := u.mine.send(&benchv1.WatchRequest{Count: 1}); err != nil {
		return 0, err
	}
	return upload(u.o, count, func(b *benchv1.Blob) error { return u.mine.send(b) }, func() (*benchv1.UploadReply, error) {
		if err := u.mine.sendNow(&benchv1.Blob{Seq: 1}); err != nil {
			return nil, err
		}
		last, err := u.mine.recvBlob()
		return &benchv1.UploadReply{Count: last.GetSeq()}, err
	})
}

// takeRawUpload answers with the number of blobs that came before the last.
func takeRawUpload(f *framed) error {
	for n := uint64(0); ; n++ {
		b, err := f.recvBlob()
		if err != nil {
			return err
		}
		if b.GetSeq() != 0 {
			return f.sendNow(&benchv1.Blob{Seq: n})
		}
	}
}
