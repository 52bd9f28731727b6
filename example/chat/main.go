// Chat is a REQ/REP server whose methods stream, and its clients.
//
//	go run ./example/chat server
//	go run ./example/chat upload Ada "first line" "second line"
//	go run ./example/chat watch -last 2 -count 5
//	go run ./example/chat talk Grace "hello" "goodbye"
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	chatv1 "github.com/gozmq/gozmq/example/gen/chat/v1"
	"github.com/gozmq/gozmq/example/gen/chat/v1/chatv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqdescribe"
	"github.com/gozmq/gozmq/runtime/gozmqhealth"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say what to be: server, watch, upload or talk")
	}
	flags := flag.NewFlagSet("chat "+args[0], flag.ExitOnError)
	endpoint := flags.String("endpoint", "tcp://127.0.0.1:5559", "where the server is")
	last := flags.Uint("last", 0, "watch: how many of the present lines to print first")
	count := flags.Int("count", 0, "watch: how many lines to print before leaving; 0: all")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if args[0] == "server" {
		return serve(ctx, *endpoint)
	}
	conn, err := gozmq.Dial(gozmq.Connect(*endpoint))
	if err != nil {
		return err
	}
	defer conn.Close()
	client := chatv1gozmq.NewRoomClient(conn)
	switch args[0] {
	case "watch":
		return watch(ctx, client, uint32(*last), *count)
	case "upload":
		return upload(ctx, client, flags.Arg(0), flags.Args()[min(1, flags.NArg()):])
	case "talk":
		return talk(ctx, client, flags.Arg(0), flags.Args()[min(1, flags.NArg()):])
	default:
		return fmt.Errorf("%q is neither server, watch, upload nor talk", args[0])
	}
}

func serve(ctx context.Context, endpoint string) error {
	srv, err := gozmq.NewServer(gozmq.Bind(endpoint))
	if err != nil {
		return err
	}
	if err := chatv1gozmq.RegisterRoomServer(srv, newRoom()); err != nil {
		return err
	}
	health, err := gozmqhealth.Register(srv) // for gozmq check and gozmq health
	if err != nil {
		return err
	}
	health.Set(chatv1gozmq.RoomName, true)
	if err := gozmqdescribe.Register(srv); err != nil { // for gozmq list, describe and call
		return err
	}
	if err := srv.Listen(); err != nil {
		return err
	}
	fmt.Println("listening on", srv.Addrs()[0])
	return srv.Serve(ctx) // until ctx ends
}

// watch prints lines. Leaving the loop ends the call.
func watch(ctx context.Context, client chatv1gozmq.RoomClient, last uint32, count int) error {
	n := 0
	for line, err := range client.Watch(ctx, &chatv1.WatchRequest{Last: last}) {
		if err != nil {
			return err
		}
		show(line)
		if n++; n == count {
			break
		}
	}
	return nil
}

// upload sends lines and gets one reply.
func upload(ctx context.Context, client chatv1gozmq.RoomClient, author string, texts []string) error {
	lines := client.Upload(ctx)
	for _, text := range texts {
		if err := lines.Send(ctx, &chatv1.Line{Author: author, Text: text}); err != nil {
			return err // the server's own, when it has refused the call
		}
	}
	summary, err := lines.CloseAndReceive(ctx)
	if err != nil {
		return err
	}
	fmt.Println(summary.GetLines(), "lines added")
	return nil
}

// talk sends lines and prints those of the room meanwhile.
func talk(ctx context.Context, client chatv1gozmq.RoomClient, author string, texts []string) error {
	chat := client.Chat(ctx)
	go func() {
		for _, text := range texts {
			if chat.Send(ctx, &chatv1.Line{Author: author, Text: text}) != nil {
				return // the loop below gets the same error
			}
		}
		_ = chat.CloseSend(ctx)
	}()
	for line, err := range chat.Receive(ctx) {
		if err != nil {
			return err
		}
		show(line)
	}
	return nil
}

func show(line *chatv1.Line) { fmt.Printf("%s: %s\n", line.GetAuthor(), line.GetText()) }
