package main

import (
	"testing"

	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/check/checktest"
)

func TestSpec(t *testing.T) { checktest.SpecTest(t, spec()) }

func tree(name string) *checktest.ProtoFileSpec {
	return &checktest.ProtoFileSpec{DirPaths: []string{"testdata/" + name, "../proto"}, FilePaths: []string{file}}
}

const file = "orders/v1/orders.proto"

// at is a place as bufplugin counts, from 0, of lines as editors count, from 1.
func at(line, column, endLine, endColumn int) *checktest.ExpectedFileLocation {
	return &checktest.ExpectedFileLocation{
		FileName: file, StartLine: line - 1, StartColumn: column - 1, EndLine: endLine - 1, EndColumn: endColumn - 1,
	}
}

func TestLint(t *testing.T) {
	checktest.CheckTest{
		Spec:    spec(),
		Request: &checktest.RequestSpec{Files: tree("old")},
	}.Run(t)
	checktest.CheckTest{
		Spec:    spec(),
		Request: &checktest.RequestSpec{Files: tree("bad")},
		ExpectedAnnotations: []checktest.ExpectedAnnotation{
			{RuleID: "GOZMQ_ANNOTATION_MEANS_SOMETHING", FileLocation: at(31, 38, 31, 53),
				Message: "orders.v1.Packing.Pack: max_attempts has no meaning when a task is handed out once; remove it, or set option (gozmq.v1.service).delivery = DELIVERY_AT_LEAST_ONCE"},
			{RuleID: "GOZMQ_RETRY_RANGE", FileLocation: at(15, 15, 15, 31)},
		},
	}.Run(t)
}

// The rules that are not named stay out.
func TestRules(t *testing.T) {
	checktest.CheckTest{
		Spec:    spec(),
		Request: &checktest.RequestSpec{Files: tree("bad"), RuleIDs: []string{"GOZMQ_RETRY_RANGE", "GOZMQ_TASK_ATTEMPTS"}},
		ExpectedAnnotations: []checktest.ExpectedAnnotation{
			{RuleID: "GOZMQ_RETRY_RANGE", FileLocation: at(15, 15, 15, 31)},
		},
	}.Run(t)
}

func TestBreaking(t *testing.T) {
	checktest.CheckTest{
		Spec:    spec(),
		Request: &checktest.RequestSpec{Files: tree("good"), AgainstFiles: tree("old")},
	}.Run(t)
	checktest.CheckTest{
		Spec:    spec(),
		Request: &checktest.RequestSpec{Files: tree("bad"), AgainstFiles: tree("old"), RuleIDs: breakingRules()},
		ExpectedAnnotations: []checktest.ExpectedAnnotation{
			{RuleID: "GOZMQ_METHOD_SAME_STREAMING", FileLocation: at(18, 3, 18, 43), AgainstFileLocation: at(18, 3, 18, 36)},
			{RuleID: "GOZMQ_METHOD_TIMEOUT_NOT_SHORTER", FileLocation: at(14, 7, 14, 28), AgainstFileLocation: at(14, 7, 14, 28)},
			{RuleID: "GOZMQ_TASK_SAME_DELIVERY", FileLocation: at(29, 3, 29, 60), AgainstFileLocation: at(34, 5, 34, 37)},
			{RuleID: "GOZMQ_TOPIC_KEEPS_RETAIN", FileLocation: at(24, 5, 24, 75), AgainstFileLocation: at(24, 5, 27, 7)},
			{RuleID: "GOZMQ_TOPIC_SAME_TEMPLATE", FileLocation: at(24, 5, 24, 75), AgainstFileLocation: at(24, 5, 27, 7)},
		},
	}.Run(t)
}

// breakingRules are the IDs of the rules that compare.
func breakingRules() []string {
	var out []string
	for _, r := range spec().Rules {
		if r.Type == check.RuleTypeBreaking {
			out = append(out, r.ID)
		}
	}
	return out
}

// The plugin's own options reach the rules.
func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		options map[string]any
		fails   bool
	}{
		{map[string]any{"opt": "package_suffix=zmq"}, false},
		{map[string]any{"opt": []string{"package_suffix=", "unannotated=skip"}}, false},
		{map[string]any{"opt": "package_sufix=zmq"}, true},
		{map[string]any{"opt": 1}, true},
		{map[string]any{"package_suffix": "zmq"}, true},
	} {
		_, err := respond(t, &checktest.RequestSpec{Files: tree("old"), Options: tt.options})
		if (err != nil) != tt.fails {
			t.Errorf("%v: %v", tt.options, err)
		}
	}
}

func respond(t *testing.T, request *checktest.RequestSpec) (check.Response, error) {
	t.Helper()
	req, err := request.ToRequest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, err := check.NewClientForSpec(spec())
	if err != nil {
		t.Fatal(err)
	}
	return client.Check(t.Context(), req)
}
