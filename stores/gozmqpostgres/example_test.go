package gozmqpostgres_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/stores/gozmqpostgres"
)

// A renderer does the tasks.
type renderer struct {
	imagev1gozmq.UnimplementedPrintsWorker
}

func (renderer) Render(_ context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	fmt.Println("rendered", task.GetName())
	return &imagev1.RenderResult{Name: task.GetName()}, nil
}

// A program inserts a task in its own transaction. The ventilator that owns the
// queue hands it out once that has been committed.
func ExampleOpen() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	url, queue := os.Getenv("DATABASE_URL"), gozmqpostgres.Queue{Name: "prints"}
	store, err := gozmqpostgres.Open(ctx, url, queue)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close() // after the ventilator
	vent, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"), gozmq.WithTaskStore(store))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vent.Close()
	sink, err := gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sink.Close()
	worker, err := imagev1gozmq.NewPrintsWorker(renderer{},
		gozmq.From(gozmq.Connect(vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer worker.Close()
	go func() { _ = worker.Run(ctx) }()

	if err := order(ctx, url, queue, "cat.png"); err != nil {
		fmt.Println(err)
		return
	}
	results, err := imagev1gozmq.NewPrintsSink(sink)
	if err != nil {
		fmt.Println(err)
		return
	}
	for result, err := range results.Render(ctx) {
		fmt.Println("result", result.GetName(), err)
		break
	}
}

// order inserts a task. A real program would change tables of its own in the same
// transaction.
func order(ctx context.Context, url string, queue gozmqpostgres.Queue, name string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	task, err := imagev1gozmq.NewPrintsRenderTask(ctx, &imagev1.RenderTask{Name: name, Size: 100})
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return queue.EnqueueTx(ctx, tx, task) })
}

// TestExampleOpen runs the example, which has no Output of its own because it needs
// a server.
func TestExampleOpen(t *testing.T) {
	t.Setenv("DATABASE_URL", gozmqpostgres.ServerURL(t))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stdout := os.Stdout
	os.Stdout = w
	ExampleOpen() // its few lines fit into the pipe
	os.Stdout = stdout
	w.Close()
	got, err := io.ReadAll(r)
	if want := "rendered cat.png\nresult cat.png <nil>\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
