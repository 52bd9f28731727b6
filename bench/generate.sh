#!/usr/bin/env bash
# Generates gen/ from proto/, with protoc and the plugins that go.mod pins.
set -euo pipefail
cd "$(dirname "$0")"

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
GOBIN=$bin go install tool
export PATH=$bin:$PATH

rm -rf gen
mkdir gen
generate() { protoc -I proto -I ../proto "$@"; }
options=(--go_out=gen --go_opt=paths=source_relative)
generate "${options[@]}" --gozmq_out=gen --gozmq_opt=paths=source_relative \
	bench/v1/blob.proto bench/v1/echo.proto bench/v1/oneway.proto
generate --go-vtproto_out=gen --go-vtproto_opt=paths=source_relative,features=marshal+unmarshal+size \
	bench/v1/blob.proto
generate --go-grpc_out=gen --go-grpc_opt=paths=source_relative \
	--go-drpc_out=gen --go-drpc_opt=paths=source_relative \
	--connect-go_out=gen --connect-go_opt=paths=source_relative \
	bench/v1/echo.proto
generate "${options[@]}" --go-ttrpc_out=gen --go-ttrpc_opt=paths=source_relative \
	benchttrpc/v1/echo.proto
gofmt -w gen
