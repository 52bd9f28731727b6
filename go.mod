module github.com/gozmq/gozmq

go 1.25.0

require (
	github.com/bufbuild/protocompile v0.14.1
	github.com/go-zeromq/zmq4 v0.17.0
	go.uber.org/goleak v1.3.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/go-zeromq/goczmq/v4 v4.2.2 // indirect
	golang.org/x/sync v0.8.0 // indirect
	golang.org/x/text v0.15.0 // indirect
)
