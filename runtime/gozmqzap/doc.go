// Package gozmqzap lets a ZAP handler (RFC 27), such as CZMQ's zauth or pyzmq's
// zmq.auth, decide on peers. The handler is a REP or ROUTER socket; it must bind
// an endpoint that this process can reach, beside its usual inproc one.
//
//	zap, err := gozmqzap.Dial(gozmq.Connect("ipc:///run/zap"))
//	security := gozmq.PlainServer(zap.Authenticate)
package gozmqzap
