package interop

import (
	"testing"

	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqdescribe"
	"github.com/gozmq/gozmq/runtime/gozmqhealth"
)

// TestPythonAsksServer: a libzmq REQ finds out what our server serves, calls it
// by what it was told, and watches its health.
func TestPythonAsksServer(t *testing.T) {
	leakChecked(t)
	python(t)
	var health *gozmqhealth.Health
	at := serve(t, gozmq.Bind(anyPort), func(r gozmq.Registrar) (err error) {
		if health, err = gozmqhealth.Register(r); err != nil {
			return err
		}
		if err := gozmqdescribe.Register(r.(gozmqdescribe.Registry)); err != nil {
			return err
		}
		return greetv1gozmq.RegisterGreeterServer(r, &greeter{})
	})
	p := start(t, messageClasses(t), "services.py", at[0])
	p.expect("services gozmq.v1.Describer gozmq.v1.Health greet.v1.Greeter")
	p.expect("reply Hello, Python!")
	p.expect("health HEALTH_STATUS_SERVICE_UNKNOWN")
	health.Set("greet.v1.Greeter", true)
	p.expect("health HEALTH_STATUS_SERVING")
	health.Set("greet.v1.Greeter", false)
	p.expect("health HEALTH_STATUS_NOT_SERVING")
	p.wait()
}
