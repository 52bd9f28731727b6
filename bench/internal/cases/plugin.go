package cases

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/gozmq/gozmq/bench/internal/rival"
)

const grpcPlugin = "protoc-gen-go-grpc"

// The input of the plugins.
const (
	pluginFiles    = 100
	pluginServices = 10 // in each file
	pluginMethods  = 5  // of each service
)

// pluginCase is how long the plugins take for 1,000 services.
func pluginCase() Case {
	return Case{
		Name: "plugin, 1,000 services of 5 methods in 100 files",
		Unit: "ms",
		Less: true,
		Run: func(cfg *Config, r *Result) {
			interleave(cfg, []*contender{
				plugin(cfg, r, rival.Ours, "github.com/gozmq/gozmq/cmd/protoc-gen-gozmq"),
				plugin(cfg, r, grpcPlugin, "google.golang.org/grpc/cmd/protoc-gen-go-grpc"),
			})
			r.atLeast(grpcPlugin, 1)
			r.Targets[0].What = "speed ÷ protoc-gen-go-grpc's"
		},
	}
}

func plugin(cfg *Config, r *Result, name, pkg string) *contender {
	c := &contender{row: r.row(name, "")}
	if _, err := exec.LookPath("go"); err != nil {
		c.row.Missing = "no go command to build the plugin with"
		return c
	}
	program := filepath.Join(cfg.Dir, path.Base(pkg))
	if out, err := exec.Command("go", "build", "-o", program, pkg).CombinedOutput(); err != nil {
		c.row.Err = fmt.Sprintf("go build: %v: %s", err, out)
		return c
	}
	input, err := proto.Marshal(pluginInput())
	if err != nil {
		c.row.Err = err.Error()
		return c
	}
	c.run = func() error {
		if _, err := runPlugin(program, input); err != nil { // the file cache is warm from here on
			return err
		}
		took, err := runPlugin(program, input)
		if err == nil {
			c.row.add(took.Seconds() * 1e3)
		}
		return err
	}
	return c
}

// runPlugin runs a plugin and checks that it generated a file for each.
func runPlugin(program string, input []byte) (time.Duration, error) {
	var out bytes.Buffer
	cmd := exec.Command(program)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, os.Stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out.Bytes(), &response); err != nil {
		return 0, err
	}
	if response.GetError() != "" || len(response.GetFile()) != pluginFiles {
		return 0, fmt.Errorf("%d files, want %d; %s", len(response.GetFile()), pluginFiles, response.GetError())
	}
	return took, nil
}

func pluginInput() *pluginpb.CodeGeneratorRequest {
	request := &pluginpb.CodeGeneratorRequest{Parameter: proto.String("paths=source_relative")}
	for i := range pluginFiles {
		f := pluginFile(i)
		request.FileToGenerate = append(request.FileToGenerate, f.GetName())
		request.ProtoFile = append(request.ProtoFile, f)
	}
	return request
}

func pluginFile(i int) *descriptorpb.FileDescriptorProto {
	pkg := fmt.Sprintf("scale.p%d.v1", i)
	f := &descriptorpb.FileDescriptorProto{
		Name:    proto.String(fmt.Sprintf("scale/p%d/v1/scale.proto", i)),
		Package: proto.String(pkg),
		Syntax:  proto.String("proto3"),
		Options: &descriptorpb.FileOptions{GoPackage: proto.String(fmt.Sprintf("example.com/scale/p%d/v1;scalev1", i))},
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Request")}, {Name: proto.String("Reply")},
		},
	}
	for s := range pluginServices {
		service := &descriptorpb.ServiceDescriptorProto{Name: proto.String(fmt.Sprintf("Service%d", s))}
		for m := range pluginMethods {
			service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
				Name:       proto.String(fmt.Sprintf("Method%d", m)),
				InputType:  proto.String("." + pkg + ".Request"),
				OutputType: proto.String("." + pkg + ".Reply"),
			})
		}
		f.Service = append(f.Service, service)
	}
	return f
}
