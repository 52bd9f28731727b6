package gozmq_test

import (
	"fmt"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// Generated filters build patterns; topics of peers without generated code need
// one made by hand.
func ExampleTopicPattern() {
	var p gozmq.TopicPattern
	p.Literal("weather/")
	gozmq.MatchString(&p, gozmq.Eq("new york"), '/')
	p.Literal("/")
	gozmq.MatchInt(&p, gozmq.Match[int32]{}, 0)
	fmt.Println(p)
	// Output: weather/new%20york/*
}
