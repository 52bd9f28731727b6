package interop

import "testing"

// The scripts of docs/PROTOCOL.md talk to each other as they will to our ends,
// whichever of two binds.

func TestPythonCallsPython(t *testing.T) {
	python(t)
	for _, mode := range bindModes {
		t.Run(mode.name, func(t *testing.T) {
			client, server := mode.peers(t,
				script{"req_client.py", []string{"World", "", "Zoë"}},
				script{"rep_server.py", nil})
			client.expect("reply Hello, World!")
			client.expect("error 3 name must not be empty")
			client.expect("reply Hello, Zoë!")
			client.wait()
			server.kill()
		})
	}
}

func TestPythonPublishesToPython(t *testing.T) {
	python(t)
	for _, mode := range bindModes {
		t.Run(mode.name, func(t *testing.T) {
			publisher, subscriber := mode.peers(t,
				script{"publisher.py", []string{"amsterdam=1", "ams=12.5", "a/b=3", "ams=13"}},
				script{"subscriber.py", []string{"ams"}})
			subscriber.expect("reading ams 12.5")
			subscriber.expect("reading ams 13.0")
			publisher.wait()
		})
	}
}

func TestPythonPushesToPython(t *testing.T) {
	sink, results := startPeer(t, "sink.py", "bind", anyPort)
	for _, mode := range bindModes {
		t.Run(mode.name, func(t *testing.T) {
			ventilator, _ := mode.peers(t,
				script{"ventilator.py", []string{"a.png", "b.png"}},
				script{"worker.py", []string{"connect", results[0]}})
			sink.expect("result a.png python a small picture")
			sink.expect("result b.png python a small picture")
			ventilator.wait()
		})
	}
}
