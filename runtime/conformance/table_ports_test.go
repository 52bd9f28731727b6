package conformance

func portProperties() []property {
	return []property{
		{section: "4", name: "monitor", on: all, test: monitorSequence,
			text: "`test_monitor`: the events of a connection come in order and once each, at either end."},
	}
}
