package gozmqimpl

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// An impl is what generated code registers.
type impl interface {
	Echo(ctx context.Context, req *emptypb.Empty) (*emptypb.Empty, error)
	mustEmbedUnimplemented()
}

type unimplemented struct{}

var echoMethod = gozmq.Method{Procedure: "test.Service/Echo"}

func (unimplemented) Echo(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return nil, Unimplemented(&echoMethod)
}
func (unimplemented) mustEmbedUnimplemented() {}

type byValue struct{ unimplemented }
type byPointer struct{ *unimplemented }

// registerImpl is as generated code has it.
func registerImpl(r gozmq.Registrar, i impl) error {
	return Register(r, "test.Service", nil, func() []Handler {
		i.mustEmbedUnimplemented()
		return []Handler{Handle(&echoMethod, i.Echo)}
	})
}

// newWorker is as generated code has it.
func newWorker(i impl) (*gozmq.Worker, error) {
	return NewWorker("test.Service", func() []TaskHandler {
		i.mustEmbedUnimplemented()
		return []TaskHandler{HandleTask(&echoMethod, i.Echo)}
	}, []gozmq.WorkerOption{gozmq.From(gozmq.Bind("inproc://impl")), gozmq.To(gozmq.Bind("inproc://results"))})
}

func TestNilImplementation(t *testing.T) {
	tests := []struct {
		name string
		impl impl
		ok   bool
	}{
		{"by value", byValue{}, true},
		{"pointer to it", &byValue{}, true},
		{"embedded pointer", byPointer{&unimplemented{}}, true},
		{"nil interface", nil, false},
		{"embedded nil pointer", byPointer{}, false},
		{"nil pointer", (*byValue)(nil), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := gozmq.NewServer(gozmq.Bind("inproc://" + t.Name()))
			if err != nil {
				t.Fatal(err)
			}
			err = registerImpl(s, tt.impl)
			w, workerErr := newWorker(tt.impl)
			if tt.ok {
				if err != nil || workerErr != nil {
					t.Fatal(err, workerErr)
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				return
			}
			topicErr := HandleTopics(t.Context(), nil, "test.Service", func() []TopicHandler {
				tt.impl.mustEmbedUnimplemented()
				return nil
			}, nil)
			for _, err := range []error{err, workerErr, topicErr} {
				for _, part := range []string{"register test.Service", "nil", "embed it by value"} {
					if err == nil || !strings.Contains(err.Error(), part) {
						t.Errorf("got %v, want an error with %q", err, part)
					}
				}
			}
			if want := "worker test.Service: "; workerErr == nil || !strings.HasPrefix(workerErr.Error(), want) {
				t.Errorf("got %v, want it to begin with %q", workerErr, want)
			}
		})
	}
}

// A task's handler that returns nothing has failed.
func TestHandleTaskWithoutResult(t *testing.T) {
	h := HandleTask(&echoMethod, func(context.Context, *emptypb.Empty) (*emptypb.Empty, error) { return nil, nil })
	if _, err := h.Run(context.Background(), h.New()); err == nil {
		t.Error("no error")
	}
}
