package interop

import (
	"context"
	"fmt"
	"iter"
	"testing"

	chatv1 "github.com/gozmq/gozmq/example/gen/chat/v1"
	"github.com/gozmq/gozmq/example/gen/chat/v1/chatv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// room serves chat.v1.Room.
type room struct {
	chatv1gozmq.UnimplementedRoomServer
	// canceled gets a value for each stream of Watch or Chat that was given up.
	canceled chan struct{}
	// name is in each line of Watch.
	name string
}

func newRoom() *room { return &room{canceled: make(chan struct{}, 64), name: "line"} }

// Watch sends as many lines as were asked for; after one line it waits if none
// were.
func (r *room) Watch(ctx context.Context, req *chatv1.WatchRequest, out gozmq.Sender[chatv1.Line]) error {
	for i := range max(1, req.GetLast()) {
		if err := out.Send(ctx, &chatv1.Line{Author: "Ada", Text: fmt.Sprint(r.name, " ", i+1)}); err != nil {
			return err
		}
	}
	if req.GetLast() > 0 {
		return nil
	}
	<-ctx.Done()
	r.canceled <- struct{}{}
	return ctx.Err()
}

// Upload counts lines.
func (r *room) Upload(_ context.Context, in iter.Seq2[*chatv1.Line, error]) (*chatv1.UploadSummary, error) {
	summary := new(chatv1.UploadSummary)
	for _, err := range in {
		if err != nil {
			return nil, err
		}
		summary.Lines++
	}
	return summary, nil
}

// Chat sends each line back.
func (r *room) Chat(ctx context.Context, in iter.Seq2[*chatv1.Line, error], out gozmq.Sender[chatv1.Line]) error {
	for line, err := range in {
		if err != nil {
			r.canceled <- struct{}{}
			return err
		}
		if err := out.Send(ctx, &chatv1.Line{Author: r.name, Text: line.GetText()}); err != nil {
			return err
		}
	}
	return nil
}

// serveRoom serves r.
func serveRoom(t *testing.T, at gozmq.Endpoints, r *room) []string {
	t.Helper()
	return serve(t, at, func(reg gozmq.Registrar) error { return chatv1gozmq.RegisterRoomServer(reg, r) })
}

// dialRoom returns a client and the addresses that were bound.
func dialRoom(t *testing.T, opts ...gozmq.DialOption) (chatv1gozmq.RoomClient, []string) {
	t.Helper()
	conn, err := gozmq.Dial(opts...)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, conn)
	return chatv1gozmq.NewRoomClient(conn), conn.Addrs()
}

// watchAll returns the texts of a stream that ends, and its error.
func watchAll(t *testing.T, client chatv1gozmq.RoomClient, last uint32) (texts []string, err error) {
	t.Helper()
	for line, err := range client.Watch(testkit.Within(t), &chatv1.WatchRequest{Last: last}) {
		if err != nil {
			return texts, err
		}
		texts = append(texts, line.GetText())
	}
	return texts, nil
}

// wantLines watches n lines.
func wantLines(t *testing.T, client chatv1gozmq.RoomClient, n int) {
	t.Helper()
	texts, err := watchAll(t, client, uint32(n))
	if err != nil || len(texts) != n {
		t.Fatalf("watched %d lines, then %v; want %d", len(texts), err, n)
	}
	for i, text := range texts {
		if want := fmt.Sprint("line ", i+1); text != want {
			t.Fatalf("line %d is %q, want %q", i+1, text, want)
		}
	}
}

// wantUpload uploads n lines.
func wantUpload(t *testing.T, client chatv1gozmq.RoomClient, n int) {
	t.Helper()
	ctx := testkit.Within(t)
	up := client.Upload(ctx)
	for range n {
		if err := up.Send(ctx, &chatv1.Line{Author: "Ada", Text: "Hi"}); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
	if summary, err := up.CloseAndReceive(ctx); err != nil || summary.GetLines() != uint32(n) {
		t.Fatalf("uploaded %v, %v; want %d lines", summary, err, n)
	}
}

// chat sends n lines and gets each back, one at a time. It returns how the stream
// ended, and who answered.
func chat(t *testing.T, client chatv1gozmq.RoomClient, n int) (name string, err error) {
	t.Helper()
	ctx := testkit.Within(t)
	talk := client.Chat(ctx)
	if err := talk.Send(ctx, &chatv1.Line{Text: "0"}); err != nil {
		return "", err
	}
	i := 0
	for line, err := range talk.Receive(ctx) {
		if err != nil {
			return name, err
		}
		if line.GetText() != fmt.Sprint(i) || i > 0 && line.GetAuthor() != name {
			t.Fatalf("answer %d is %v, by %q before", i, line, name)
		}
		name = line.GetAuthor()
		i++
		if i < n {
			err = talk.Send(ctx, &chatv1.Line{Text: fmt.Sprint(i)})
		} else {
			err = talk.CloseSend(ctx)
		}
		if err != nil {
			return name, err
		}
	}
	if i != n {
		t.Fatalf("%d answers, want %d", i, n)
	}
	return name, nil
}
