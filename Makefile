# The steps of .ci/run by name; make alone runs them all.

.PHONY: all
all:
	.ci/run

.PHONY: demo test vet format lint race conformance cpu fuzz goldens generate fresh check cross bench tidy stores codecs telemetry command release
demo test vet format lint race conformance cpu fuzz goldens generate fresh check cross bench tidy stores codecs telemetry command release:
	.ci/run $@

# golden refreshes the generator's golden files only.
.PHONY: golden
golden:
	go test ./test/generator -update
