package gozmqtest_test

import (
	"context"
	"fmt"
	"iter"

	chatv1 "github.com/gozmq/gozmq/example/gen/chat/v1"
	"github.com/gozmq/gozmq/example/gen/chat/v1/chatv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// A room repeats what it is told.
type room struct {
	chatv1gozmq.UnimplementedRoomServer
}

func (room) Watch(ctx context.Context, req *chatv1.WatchRequest, out gozmq.Sender[chatv1.Line]) error {
	for i := range req.GetLast() {
		if err := out.Send(ctx, &chatv1.Line{Text: fmt.Sprint(i)}); err != nil {
			return err
		}
	}
	return nil
}

func (room) Upload(_ context.Context, in iter.Seq2[*chatv1.Line, error]) (*chatv1.UploadSummary, error) {
	var n uint32
	for _, err := range in {
		if err != nil {
			return nil, err
		}
		n++
	}
	return &chatv1.UploadSummary{Lines: n}, nil
}

func (room) Chat(ctx context.Context, in iter.Seq2[*chatv1.Line, error], out gozmq.Sender[chatv1.Line]) error {
	for line, err := range in {
		if err != nil {
			return err
		}
		if err := out.Send(ctx, &chatv1.Line{Text: line.GetText() + "!"}); err != nil {
			return err
		}
	}
	return nil
}

func registerRoom(r gozmq.Registrar) error { return chatv1gozmq.RegisterRoomServer(r, room{}) }

// A handler with streams is called as it is.
func ExampleSent() {
	var out gozmqtest.Sent[chatv1.Line]
	in := gozmqtest.Messages(nil, &chatv1.Line{Text: "hello"}, &chatv1.Line{Text: "goodbye"})
	err := room{}.Chat(context.Background(), in, &out)
	for _, line := range out.Messages() {
		fmt.Println(line.GetText())
	}
	fmt.Println(err)
	// Output:
	// hello!
	// goodbye!
	// <nil>
}

// A fakeRoom is a client without a server.
type fakeRoom struct {
	chatv1gozmq.RoomClient // nil: the other methods panic
}

func (fakeRoom) Watch(context.Context, *chatv1.WatchRequest, ...gozmq.CallOption) iter.Seq2[*chatv1.Line, error] {
	return gozmqtest.Messages(gozmq.Errorf(gozmq.CodeUnavailable, "the server is gone"), &chatv1.Line{Text: "hello"})
}

func ExampleMessages() {
	var client chatv1gozmq.RoomClient = fakeRoom{}
	for line, err := range client.Watch(context.Background(), &chatv1.WatchRequest{}) {
		fmt.Println(line.GetText(), err)
	}
	// Output:
	// hello <nil>
	//  unavailable: the server is gone
}

// The third line is lost with its connection.
func ExampleFaults_FailReceive() {
	t := new(exampleTest) // in a test: t *testing.T
	defer t.end()
	faults := &gozmqtest.Faults{Caller: gozmqtest.NewConn(t, registerRoom)}
	faults.FailReceive(chatv1gozmq.RoomWatchProcedure, 2, gozmq.Errorf(gozmq.CodeUnavailable, "the connection was lost"))
	client := chatv1gozmq.NewRoomClient(faults)
	for line, err := range client.Watch(context.Background(), &chatv1.WatchRequest{Last: 5}) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(line.GetText())
	}
	// Output:
	// 0
	// 1
	// unavailable: the connection was lost
}
