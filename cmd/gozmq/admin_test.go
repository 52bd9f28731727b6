package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin/adminv1gozmq"
)

// serveAdmin serves an admin service with a queue of its own, so that its answers
// are the same in each run.
func serveAdmin(ctx context.Context, change bool) error {
	srv, err := gozmq.NewServer(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		return err
	}
	if err := adminv1gozmq.RegisterAdminServer(srv, &queue{change: change, tasks: queuedTasks()}); err != nil {
		return err
	}
	if err := srv.Listen(); err != nil {
		return err
	}
	fmt.Println(srv.Addrs()[0])
	return srv.Serve(ctx)
}

func queuedTasks() (tasks []*adminv1.QueuedTask) {
	enqueued := timestamppb.New(time.Now().Add(-(time.Hour + 2*time.Minute + 3*time.Second)))
	for i, state := range []adminv1.TaskState{
		adminv1.TaskState_TASK_STATE_RUNNING, adminv1.TaskState_TASK_STATE_WAITING, adminv1.TaskState_TASK_STATE_DEAD, adminv1.TaskState_TASK_STATE_DEAD,
	} {
		id := append([]byte{0x5f, 0x3a, byte(i + 1)}, "\x9c\x0d\x47\x71\xe2\xb8\xa6\x53\x0f\x14\xd2\xc9\x8b"...) // 16 bytes, as a ventilator's
		body, _ := proto.Marshal(&imagev1.RenderTask{Name: fmt.Sprint("picture ", i+1), Size: 64})
		task := &adminv1.QueuedTask{
			Id: id, Procedure: "image.v1.Prints/Render", State: state, Body: body, Enqueued: enqueued,
			Metadata: []*adminv1.TaskMetadata{{Key: "trace", Value: fmt.Sprint(i)}},
		}
		switch state {
		case adminv1.TaskState_TASK_STATE_RUNNING:
			task.Attempts, task.Worker = 1, "127.0.0.1:40000"
			task.Progress, task.ProgressText = 0.5, "page 2 of 4"
		case adminv1.TaskState_TASK_STATE_DEAD:
			task.Attempts, task.ErrorCode, task.Error = 5, "data_loss", "data_loss: no PNG"
		}
		tasks = append(tasks, task)
	}
	return tasks
}

// A queue is an admin service with tasks that nobody does.
type queue struct {
	adminv1gozmq.UnimplementedAdminServer
	change bool

	mu     sync.Mutex
	tasks  []*adminv1.QueuedTask
	paused []string
}

func (q *queue) DescribeRoles(context.Context, *adminv1.DescribeRolesRequest) (*adminv1.DescribeRolesResponse, error) {
	var files descriptorpb.FileDescriptorSet
	have := map[string]bool{}
	var add func(f protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if have[f.Path()] {
			return
		}
		have[f.Path()] = true
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		files.File = append(files.File, protodesc.ToFileDescriptorProto(f))
	}
	add(imagev1.File_image_v1_image_proto)
	add(weatherv1.File_weather_v1_weather_proto)
	return &adminv1.DescribeRolesResponse{Files: &files, Roles: []*adminv1.RoleDescription{
		{Name: "prints", Kind: adminv1.RoleKind_ROLE_KIND_VENTILATOR, Services: []*adminv1.ServiceDescription{{Name: "image.v1.Prints"}}},
		{Name: "feed", Kind: adminv1.RoleKind_ROLE_KIND_PUBLISHER, Services: []*adminv1.ServiceDescription{{Name: "weather.v1.Feed"}}},
	}}, nil
}

// selected reports whether a filter selects a task.
func selected(f *adminv1.TaskFilter, t *adminv1.QueuedTask) bool {
	ids := len(f.GetIds()) == 0 || slices.ContainsFunc(f.GetIds(), func(id []byte) bool { return bytes.Equal(id, t.GetId()) })
	states := len(f.GetStates()) == 0 || slices.Contains(f.GetStates(), t.GetState())
	return ids && states && (f.GetProcedure() == "" || f.GetProcedure() == t.GetProcedure())
}

// ListTasks has one task on each page.
func (q *queue) ListTasks(_ context.Context, req *adminv1.ListTasksRequest) (*adminv1.ListTasksResponse, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	resp := &adminv1.ListTasksResponse{Paused: q.paused}
	for i, t := range q.tasks {
		if !selected(req.GetFilter(), t) || req.GetPageToken() != "" && req.GetPageToken() > fmt.Sprint(i) {
			continue
		}
		if len(resp.GetTasks()) == 1 {
			resp.NextPageToken = fmt.Sprint(i)
			break
		}
		task := proto.CloneOf(t)
		if !req.GetBodies() {
			task.Body = nil
		}
		resp.Tasks = append(resp.Tasks, task)
	}
	return resp, nil
}

func (q *queue) allowed() error {
	if !q.change {
		return gozmq.Errorf(gozmq.CodePermissionDenied, "this process is read-only; its program must allow changes")
	}
	return nil
}

func (q *queue) RetryTasks(_ context.Context, req *adminv1.RetryTasksRequest) (*adminv1.RetryTasksResponse, error) {
	resp := &adminv1.RetryTasksResponse{}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.tasks {
		if selected(req.GetFilter(), t) && t.GetState() == adminv1.TaskState_TASK_STATE_DEAD {
			t.State, t.Attempts, t.ErrorCode = adminv1.TaskState_TASK_STATE_WAITING, 0, ""
			resp.Retried++
		}
	}
	return resp, q.allowed()
}

func (q *queue) DiscardTasks(_ context.Context, req *adminv1.DiscardTasksRequest) (*adminv1.DiscardTasksResponse, error) {
	if err := q.allowed(); err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return &adminv1.DiscardTasksResponse{Discarded: q.remove(req.GetFilter(), adminv1.TaskState_TASK_STATE_RUNNING)}, nil
}

func (q *queue) CancelTasks(_ context.Context, req *adminv1.CancelTasksRequest) (*adminv1.CancelTasksResponse, error) {
	if err := q.allowed(); err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return &adminv1.CancelTasksResponse{Canceled: q.remove(req.GetFilter(), adminv1.TaskState_TASK_STATE_DEAD)}, nil
}

// remove removes the selected tasks that are in another state, and returns how many
// there were.
func (q *queue) remove(f *adminv1.TaskFilter, not adminv1.TaskState) uint64 {
	before := len(q.tasks)
	q.tasks = slices.DeleteFunc(q.tasks, func(t *adminv1.QueuedTask) bool { return selected(f, t) && t.GetState() != not })
	return uint64(before - len(q.tasks))
}

func (q *queue) PauseTasks(_ context.Context, req *adminv1.PauseTasksRequest) (*adminv1.PauseTasksResponse, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.paused = append(q.paused, req.GetProcedure())
	return &adminv1.PauseTasksResponse{}, q.allowed()
}

func (q *queue) ResumeTasks(context.Context, *adminv1.ResumeTasksRequest) (*adminv1.ResumeTasksResponse, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.paused = nil
	return &adminv1.ResumeTasksResponse{}, q.allowed()
}
