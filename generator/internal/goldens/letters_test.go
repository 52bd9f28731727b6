package goldens

import (
	"context"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/testdata/golden/delivery"
	"github.com/gozmq/gozmq/testdata/golden/delivery/deliverygozmq"
)

// The handlers of dead letters have the type of their method's tasks: another one
// does not compile.
var _ = []func(func(context.Context, *delivery.Order, gozmq.DeadLetter) error) gozmq.VentilatorOption{
	deliverygozmq.OnOrdersShipDeadLetter, deliverygozmq.OnOrdersForgetDeadLetter, deliverygozmq.OnOrderDeadLetter,
}
