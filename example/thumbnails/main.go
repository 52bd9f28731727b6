// Thumbnails is a PUSH/PULL pipeline that scales pictures down: a ventilator
// hands them to workers, and a sink collects what they made.
//
//	go run ./example/thumbnails sink
//	go run ./example/thumbnails worker
//	go run ./example/thumbnails ventilator holiday.png garden.png
//
// With -sure, which all of them must be given, no task is lost: workers may be
// killed at any time, and the workers and the sink end when all is done.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "thumbnails:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say what to be: ventilator, worker or sink")
	}
	flags := flag.NewFlagSet("thumbnails "+args[0], flag.ExitOnError)
	tasks := flags.String("tasks", "tcp://127.0.0.1:5557", "where the ventilator is")
	results := flags.String("results", "tcp://127.0.0.1:5558", "where the sink is")
	name := flags.String("name", "worker", "worker: its name, which its results carry")
	workers := flags.Uint("workers", 1, "ventilator: how many workers to wait for")
	count := flags.Int("count", 0, "sink: stop after so many; 0: never")
	out := flags.String("out", "thumbnails", "sink: the folder for the thumbnails")
	sure := flags.Bool("sure", false, "lose no task")
	pause := flags.Duration("pause", 0, "worker: how much longer each picture is to take")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	worker := renderer{name: *name, pause: *pause}
	opts := []gozmq.WorkerOption{
		gozmq.From(gozmq.Connect(*tasks)), gozmq.To(gozmq.Connect(*results)), gozmq.WithTaskErrorHandler(complain),
	}
	switch {
	case args[0] == "ventilator" && *sure:
		return ventilateSurely(ctx, *tasks, int(*workers), flags.Args())
	case args[0] == "ventilator":
		return ventilate(ctx, *tasks, *workers, flags.Args())
	case args[0] == "worker" && *sure:
		return imagev1gozmq.RunPrintsWorker(ctx, printer{renderer: worker}, opts...)
	case args[0] == "worker":
		return imagev1gozmq.RunThumbnailsWorker(ctx, worker, opts...)
	case args[0] == "sink" && *sure:
		return collectSurely(ctx, *results, *out)
	case args[0] == "sink":
		return collect(ctx, *results, *out, *count)
	default:
		return fmt.Errorf("%q is neither ventilator nor worker nor sink", args[0])
	}
}

// ventilate pushes the files as soon as there are enough workers to share them.
func ventilate(ctx context.Context, endpoint string, workers uint, files []string) error {
	connected := make(chan struct{}, workers)
	vent, err := gozmq.NewVentilator(gozmq.Bind(endpoint),
		gozmq.WithEventHandler(func(e gozmq.Event) {
			if e.Kind == gozmq.EventConnected {
				select {
				case connected <- struct{}{}:
				default: // more than were waited for
				}
			}
		}))
	if err != nil {
		return err
	}
	defer vent.Close()
	fmt.Println("listening on", vent.Addrs()[0])
	thumbnails, err := imagev1gozmq.NewThumbnailsVentilator(vent)
	if err != nil {
		return err
	}

	for range workers {
		select {
		case <-connected:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, file := range files {
		png, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		task := &imagev1.RenderTask{Name: filepath.Base(file), Png: png, Size: 64}
		if err := thumbnails.Render(ctx, task); err != nil {
			return err
		}
	}
	fmt.Println("progress:", vent.Progress())
	return vent.Wait(ctx) // until workers have got them all
}

// renderer implements the generated interface of a worker.
type renderer struct {
	imagev1gozmq.UnimplementedThumbnailsWorker
	name  string
	pause time.Duration
}

func (r renderer) Render(_ context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	<-time.After(r.pause)
	png, err := shrink(task.GetPng(), int(task.GetSize()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", task.GetName(), err)
	}
	return &imagev1.RenderResult{Name: task.GetName(), Png: png, Worker: r.name}, nil
}

// complain tells of a task that failed.
func complain(_ context.Context, m *gozmq.Method, _ proto.Message, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", m.Procedure, err)
}

func collect(ctx context.Context, endpoint, out string, count int) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	sink, err := gozmq.NewSink(gozmq.Bind(endpoint))
	if err != nil {
		return err
	}
	defer sink.Close()
	fmt.Println("listening on", sink.Addrs()[0])
	thumbnails, err := imagev1gozmq.NewThumbnailsSink(sink)
	if err != nil {
		return err
	}

	done := 0
	for result, err := range thumbnails.Render(ctx) {
		if err != nil {
			return err
		}
		done++
		if err := keep(out, done, result); err != nil {
			return err
		}
		if done == count {
			break
		}
	}
	return nil
}

// keep writes a thumbnail into the folder and says which it is.
func keep(out string, number int, result *imagev1.RenderResult) error {
	fmt.Printf("%d %s by %s\n", number, result.GetName(), result.GetWorker())
	file := filepath.Join(out, filepath.Base(result.GetName()))
	return os.WriteFile(file, result.GetPng(), 0o644)
}
