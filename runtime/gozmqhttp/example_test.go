package gozmqhttp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqhttp"
	"github.com/gozmq/gozmq/runtime/gozmqops"
)

// A program's sockets in its own mux, beside what it serves otherwise.
func ExampleHandler() {
	pub, err := gozmq.NewPublisher(gozmq.Bind("inproc://example-http"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pub.Close()
	sub, err := gozmq.NewSubscriber(gozmq.Connect("inproc://example-nobody"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()
	var group gozmqops.Group
	if err := group.Add("weather", pub); err != nil {
		fmt.Println(err)
	}
	if err := group.Add("prices", sub); err != nil {
		fmt.Println(err)
	}

	mux := http.NewServeMux()
	mux.Handle("/ops/", http.StripPrefix("/ops", gozmqhttp.Handler(&group)))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ops/readyz", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 503 prices: nobody is connected at inproc://example-nobody
}
