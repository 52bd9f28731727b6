package main

import (
	"context"
	"errors"
	"iter"
	"sync"

	chatv1 "github.com/gozmq/gozmq/example/gen/chat/v1"
	"github.com/gozmq/gozmq/example/gen/chat/v1/chatv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A room implements the generated interface: its methods take an iterator over
// what the client sends, and a sender for what the server sends.
type room struct {
	chatv1gozmq.UnimplementedRoomServer

	mu     sync.Mutex
	lines  []*chatv1.Line
	change chan struct{} // closed and replaced when lines are added
}

func newRoom() *room { return &room{change: make(chan struct{})} }

func (r *room) Watch(ctx context.Context, req *chatv1.WatchRequest, out gozmq.Sender[chatv1.Line]) error {
	return r.follow(ctx, max(0, r.size()-int(req.GetLast())), nil, out)
}

func (r *room) Upload(_ context.Context, in iter.Seq2[*chatv1.Line, error]) (*chatv1.UploadSummary, error) {
	var lines []*chatv1.Line
	for line, err := range in {
		if err != nil {
			return nil, err // the client has not ended its lines: it gave up, or is gone
		}
		if line.GetAuthor() == "" {
			return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "line %d has no author", len(lines)+1)
		}
		lines = append(lines, line)
	}
	r.add(lines...)
	return &chatv1.UploadSummary{Lines: uint32(len(lines))}, nil
}

func (r *room) Chat(ctx context.Context, in iter.Seq2[*chatv1.Line, error], out gozmq.Sender[chatv1.Line]) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next, done, followed := r.size(), make(chan struct{}), make(chan error, 1)
	go func() { followed <- r.follow(ctx, next, done, out) }()
	for line, err := range in {
		if err != nil {
			cancel()
			return errors.Join(err, <-followed)
		}
		r.add(line)
	}
	close(done)
	return <-followed
}

// follow sends the lines behind the first next ones, and each new line, until
// ctx ends; when done is closed, it sends the lines that there are and returns.
func (r *room) follow(ctx context.Context, next int, done <-chan struct{}, out gozmq.Sender[chatv1.Line]) error {
	for {
		over := isClosed(done)
		lines, change := r.since(next)
		for _, line := range lines {
			if err := out.Send(ctx, line); err != nil {
				return err
			}
		}
		next += len(lines)
		if over {
			return nil
		}
		select {
		case <-change:
		case <-done:
		case <-ctx.Done():
			return ctx.Err() // the client has left, or the server stops
		}
	}
}

func (r *room) add(lines ...*chatv1.Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, lines...)
	close(r.change)
	r.change = make(chan struct{})
}

func (r *room) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.lines)
}

// since returns the lines behind the first n, and what is closed when there are
// more.
func (r *room) since(n int) ([]*chatv1.Line, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines[n:], r.change
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
