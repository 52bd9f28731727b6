package gozmqadmin_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmqadmin/adminv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqops"
)

// A publisher's program with the service at an endpoint of its own, and a client
// that asks which topics there are.
func ExampleRegister() {
	pub, err := gozmq.NewPublisher(gozmq.Bind("inproc://example-weather"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pub.Close()
	weatherv1gozmq.NewFeedPublisher(pub)
	var group gozmqops.Group
	if err := group.Add("weather", pub); err != nil {
		fmt.Println(err)
	}
	admin, err := gozmq.NewServer(gozmq.Bind("inproc://example-admin"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer admin.Close()
	if err := gozmqadmin.Register(admin, &group); err != nil {
		fmt.Println(err)
	}
	if err := admin.Listen(); err != nil {
		fmt.Println(err)
	}

	conn, err := gozmq.Dial(gozmq.Connect("inproc://example-admin"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	resp, err := adminv1gozmq.NewAdminClient(conn).DescribeRoles(ctx, &adminv1.DescribeRolesRequest{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, role := range resp.GetRoles() {
		for _, service := range role.GetServices() {
			for _, m := range service.GetMethods() {
				fmt.Println(role.GetName(), m.GetTopic().GetTemplate(), m.GetInput())
			}
		}
	}
	// Output:
	// weather weather/{station}/temperature weather.v1.Reading
	// weather alerts/{severity}/{region} weather.v1.Alert
}
