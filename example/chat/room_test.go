package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	chatv1 "github.com/gozmq/gozmq/example/gen/chat/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

func line(author, text string) *chatv1.Line { return &chatv1.Line{Author: author, Text: text} }

// texts are those of lines.
func texts(lines []*chatv1.Line) []string {
	var list []string
	for _, l := range lines {
		list = append(list, l.GetText())
	}
	return list
}

// The handlers are called as they are, without a server.
func TestUpload(t *testing.T) {
	gone := gozmq.Errorf(gozmq.CodeCanceled, "the client is gone")
	tests := []struct {
		name  string
		lines []*chatv1.Line
		end   error
		code  gozmq.Code
		want  []string
	}{
		{"two", []*chatv1.Line{line("Ada", "a"), line("Ada", "b")}, nil, 0, []string{"a", "b"}},
		{"none", nil, nil, 0, nil},
		{"no author", []*chatv1.Line{line("Ada", "a"), line("", "b")}, nil, gozmq.CodeInvalidArgument, nil},
		{"not to the end", []*chatv1.Line{line("Ada", "a")}, gone, gozmq.CodeCanceled, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRoom()
			summary, err := r.Upload(t.Context(), gozmqtest.Messages(tt.end, tt.lines...))
			if err == nil && tt.code != 0 || err != nil && gozmq.CodeOf(err) != tt.code {
				t.Errorf("got %v, want %v", err, tt.code)
			}
			if got := texts(r.lines); !slices.Equal(got, tt.want) || int(summary.GetLines()) != len(tt.want) {
				t.Errorf("%v were added, and %q are there", summary, got)
			}
		})
	}
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom()
		r.add(line("Ada", "a"), line("Ada", "b"))
		ctx, cancel := context.WithCancel(t.Context())
		var out gozmqtest.Sent[chatv1.Line]
		end := make(chan error)
		go func() { end <- r.Watch(ctx, &chatv1.WatchRequest{Last: 1}, &out) }()
		synctest.Wait()
		r.add(line("Grace", "c"))
		r.add(line("Grace", "d"))
		synctest.Wait()
		cancel()
		if err := <-end; !errors.Is(err, context.Canceled) {
			t.Errorf("it ends with %v", err)
		}
		if got := texts(out.Messages()); !slices.Equal(got, []string{"b", "c", "d"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestChat(t *testing.T) {
	r := newRoom()
	r.add(line("Ada", "before"))
	var out gozmqtest.Sent[chatv1.Line]
	if err := r.Chat(t.Context(), gozmqtest.Messages(nil, line("Grace", "a"), line("Grace", "b")), &out); err != nil {
		t.Fatal(err)
	}
	if got := texts(out.Messages()); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %q", got)
	}
	gone := gozmq.Errorf(gozmq.CodeCanceled, "the client is gone")
	if err := r.Chat(t.Context(), gozmqtest.Messages(gone, line("Grace", "c")), &out); !errors.Is(err, error(gone)) {
		t.Errorf("got %v", err)
	}
}
