package gozmqproto_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/runtime/gozmqproto"
)

// Messages one after the other, as in a file.
func ExampleMarshalTo() {
	var file bytes.Buffer
	for _, station := range []string{"ams", "oslo"} {
		if err := gozmqproto.MarshalTo(&file, &weatherv1.Reading{Station: station}); err != nil {
			fmt.Println(err)
		}
	}
	r := bufio.NewReader(&file)
	for {
		var reading weatherv1.Reading
		err := gozmqproto.UnmarshalFrom(r, &reading, 0)
		if errors.Is(err, io.EOF) {
			break
		}
		fmt.Println(reading.GetStation(), err)
	}
	// Output:
	// ams <nil>
	// oslo <nil>
}

// One message that has the binary form by itself.
func ExampleMarshal() {
	data, err := gozmqproto.Marshal(&weatherv1.Reading{Station: "ams", Celsius: 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(data), "bytes")
	var reading weatherv1.Reading
	err = gozmqproto.Unmarshal(data, &reading)
	fmt.Println(reading.GetStation(), reading.GetCelsius(), err)
	// Output:
	// 14 bytes
	// ams 20 <nil>
}
