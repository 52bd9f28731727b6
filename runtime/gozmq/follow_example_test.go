package gozmq_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	stockv1 "github.com/gozmq/gozmq/example/gen/stock/v1"
	"github.com/gozmq/gozmq/example/gen/stock/v1/stockv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A warehouse has a state that List returns and whose changes it publishes.
type warehouse struct {
	stockv1gozmq.UnimplementedWarehouseServer
	pub *gozmq.Publisher

	mu     sync.Mutex // held while a change is made and published
	levels []*stockv1.Article
}

// List returns the state, and says which messages it includes.
func (w *warehouse) List(ctx context.Context, _ *stockv1.ListRequest) (*stockv1.ListReply, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	gozmq.CallInfoFromContext(ctx).SetSnapshotPosition(w.pub.Position())
	return &stockv1.ListReply{Articles: append([]*stockv1.Article(nil), w.levels...)}, nil
}

func (w *warehouse) add(ctx context.Context, name string, level uint32) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	article := &stockv1.Article{Name: name, Level: level}
	w.levels = append(w.levels, article)
	return stockv1gozmq.NewChangesPublisher(w.pub).Level(ctx, article)
}

// A state and every change of it, without a gap in between.
func ExampleCallInfo_SetSnapshotPosition() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	pub, err := gozmq.NewPublisher(gozmq.Bind("inproc://example-changes"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pub.Close()
	srv, err := gozmq.NewServer(gozmq.Bind("inproc://example-warehouse"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	w := &warehouse{pub: pub}
	if err := stockv1gozmq.RegisterWarehouseServer(srv, w); err != nil {
		fmt.Println(err)
	}
	if err := srv.Listen(); err != nil {
		fmt.Println(err)
	}
	if err := w.add(ctx, "apples", 7); err != nil {
		fmt.Println(err)
	}

	conn, err := gozmq.Dial(gozmq.Connect("inproc://example-warehouse"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	sub, err := gozmq.NewSubscriber(gozmq.Connect("inproc://example-changes"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()
	var stock map[string]uint32
	for change, err := range stockv1gozmq.FollowChangesLevel(ctx, sub, conn, &stockv1.ListRequest{}) {
		switch {
		case err != nil: // it is tried again
			fmt.Println(err)
		case change.Snapshot != nil: // replaces everything before it
			first := stock == nil
			stock = make(map[string]uint32)
			for _, a := range change.Snapshot.GetArticles() {
				stock[a.GetName()] = a.GetLevel()
			}
			if first {
				fmt.Println(stock)
				if err := w.add(ctx, "pears", 3); err != nil {
					fmt.Println(err)
				}
			}
		default:
			stock[change.Update.GetName()] = change.Update.GetLevel()
		}
		if len(stock) == 2 {
			break
		}
	}
	fmt.Println(stock)
	// Output:
	// map[apples:7]
	// map[apples:7 pears:3]
}
