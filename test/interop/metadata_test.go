package interop

import (
	"testing"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// TestPythonMetadata has a libzmq SUB read the metadata of our publications, one of
// which has none, and a libzmq XPUB send some that our subscriber reads.
func TestPythonMetadata(t *testing.T) {
	leakChecked(t)
	pub := newFeedPublisher(t, gozmq.Bind(anyPort))
	p, at := startPeer(t, "metadata.py", pub.Addrs()[0], "bind", anyPort)
	sub := newFeedSubscriber(t, gozmq.Connect(at[0]))
	ctx := testkit.Within(t)
	if err := pub.WaitForSubscribers(ctx, "weather/", 1); err != nil {
		t.Fatal(err)
	}
	readings, err := sub.TemperatureSubscription(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer readings.Close()
	p.expect("subscribed")
	if err := pub.Temperature(gozmq.AppendMetadata(ctx, "trace", "4bf92f35", "trace", "two"), &weatherv1.Reading{Station: "ams"}); err != nil {
		t.Fatal(err)
	}
	if err := pub.Temperature(ctx, &weatherv1.Reading{Station: "oslo"}); err != nil {
		t.Fatal(err)
	}
	p.expect("metadata trace 4bf92f35")
	p.expect("metadata trace two")
	var info gozmq.PublicationInfo
	for reading, err := range readings.All(gozmq.StoreInfo(ctx, &info)) {
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if reading.GetStation() == "ams" {
			want = 2
		}
		if info.Metadata.Get("via") != "python" || len(info.Metadata["trace"]) != want || info.Time.IsZero() || info.Publisher == 0 || info.Topic != "weather/"+reading.GetStation()+"/temperature" {
			t.Errorf("%v came with %+v", reading, info)
		}
		if want == 0 {
			break
		}
	}
}
