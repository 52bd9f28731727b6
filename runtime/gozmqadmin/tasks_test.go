package gozmqadmin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmqadmin/adminv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqops"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

type refusing struct {
	imagev1gozmq.UnimplementedPrintsWorker
}

func (refusing) Render(context.Context, *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	return nil, gozmq.Permanent(gozmq.Errorf(gozmq.CodeInvalidArgument, "no picture"))
}

// list returns all tasks, in pages of two.
func list(t *testing.T, client adminv1gozmq.AdminClient, f *adminv1.TaskFilter) (tasks []*adminv1.QueuedTask) {
	t.Helper()
	req := &adminv1.ListTasksRequest{Filter: f, PageSize: 2, Bodies: true}
	for {
		page, err := client.ListTasks(testkit.Within(t), req)
		must(t, err)
		tasks = append(tasks, page.GetTasks()...)
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			return tasks
		}
	}
}

// A printShop is a program with a ventilator, whose queue the client may change,
// and a sink for workers.
type printShop struct {
	vent   *gozmq.Ventilator
	sink   *gozmq.Sink
	tasks  imagev1gozmq.PrintsVentilator
	client adminv1gozmq.AdminClient
}

func newPrintShop(t *testing.T, opts ...gozmq.VentilatorOption) *printShop {
	t.Helper()
	opts = append(opts, gozmq.Bind(anywhere), gozmq.DeliveryAtLeastOnce, gozmq.WithLinger(0))
	p := &printShop{
		vent: open[*gozmq.Ventilator](t)(gozmq.NewVentilator(opts...)),
		sink: open[*gozmq.Sink](t)(gozmq.NewSink(gozmq.Bind(anywhere), gozmq.DeliveryAtLeastOnce)),
	}
	g := new(gozmqops.Group)
	must(t, g.Add("prints", p.vent))
	var err error
	p.tasks, err = imagev1gozmq.NewPrintsVentilator(p.vent)
	must(t, err)
	p.client, _ = admin(t, g, gozmqadmin.AllowChanges())
	return p
}

// work runs a worker until the test ends, or the worker is closed.
func (p *printShop) work(t *testing.T, h imagev1gozmq.PrintsWorker, opts ...gozmq.WorkerOption) *gozmq.Worker {
	t.Helper()
	opts = append(opts, gozmq.From(gozmq.Connect(p.vent.Addrs()...)), gozmq.To(gozmq.Connect(p.sink.Addrs()...)))
	worker := open[*gozmq.Worker](t)(imagev1gozmq.NewPrintsWorker(h, opts...))
	gozmqtest.Run(t, worker.Run)
	return worker
}

// TestTasks lists waiting tasks and dead letters, retries one letter and discards
// the rest.
func TestTasks(t *testing.T) {
	within := testkit.Within(t)
	p := newPrintShop(t, gozmq.WithTaskStore(new(gozmqstore.Memory)))
	client := p.client
	for _, name := range []string{"a", "b", "c"} {
		must(t, p.tasks.Render(gozmq.AppendMetadata(within, "for", name), &imagev1.RenderTask{Name: name}))
	}
	waiting := list(t, client, nil)
	if len(waiting) != 3 {
		t.Fatalf("%d tasks are listed", len(waiting))
	}
	for i, task := range waiting {
		var got imagev1.RenderTask
		must(t, proto.Unmarshal(task.GetBody(), &got))
		if name := string(rune('a' + i)); got.GetName() != name || task.GetState() != adminv1.TaskState_TASK_STATE_WAITING || task.GetProcedure() != imagev1gozmq.PrintsRenderProcedure ||
			task.GetMetadata()[0].GetValue() != name || task.GetBodySize() != uint64(len(task.GetBody())) || task.GetEnqueued() == nil {
			t.Errorf("task %d is %v", i, task)
		}
	}

	worker := p.work(t, refusing{})
	dead := &adminv1.TaskFilter{Role: "prints", States: []adminv1.TaskState{adminv1.TaskState_TASK_STATE_DEAD}}
	testkit.Eventually(t, "dead letters", func() bool { return len(list(t, client, dead)) == 3 })
	must(t, worker.Close())
	letters := list(t, client, dead)
	if l := letters[0]; l.GetErrorCode() != "invalid_argument" || l.GetError() == "" || l.GetAttempts() != 1 || l.GetEnqueued() == nil {
		t.Errorf("the letter is %v", l)
	}
	one := &adminv1.TaskFilter{Ids: [][]byte{letters[0].GetId()}}
	again, err := client.RetryTasks(within, &adminv1.RetryTasksRequest{Filter: one})
	if err != nil || again.GetRetried() != 1 {
		t.Errorf("retry: %v, %v", again, err)
	}
	if _, err := client.RetryTasks(within, &adminv1.RetryTasksRequest{Filter: one}); gozmq.CodeOf(err) != gozmq.CodeNotFound {
		t.Errorf("retry once more: %v", err)
	}
	if _, err := client.DiscardTasks(within, &adminv1.DiscardTasksRequest{}); gozmq.CodeOf(err) != gozmq.CodeInvalidArgument {
		t.Errorf("discard what was not named: %v", err)
	}
	gone, err := client.DiscardTasks(within, &adminv1.DiscardTasksRequest{Filter: dead, All: true})
	if err != nil || gone.GetDiscarded() != 2 {
		t.Errorf("discard: %v, %v", gone, err)
	}
	if left := list(t, client, nil); len(left) != 1 || left[0].GetState() == adminv1.TaskState_TASK_STATE_DEAD {
		t.Errorf("left are %v", left)
	}
	if _, err := client.ListTasks(within, &adminv1.ListTasksRequest{PageToken: "letters:x"}); gozmq.CodeOf(err) != gozmq.CodeInvalidArgument {
		t.Errorf("a wrong token: %v", err)
	}
}

// TestPauseTasks pauses all methods, and one: no worker gets a task until they are
// resumed.
func TestPauseTasks(t *testing.T) {
	within := testkit.Within(t)
	p := newPrintShop(t)
	client := p.client
	p.work(t, refusing{})
	must(t, p.vent.WaitForWorkers(within, 1))
	for n, procedure := range []string{"", imagev1gozmq.PrintsRenderProcedure} {
		_, err := client.PauseTasks(within, &adminv1.PauseTasksRequest{Procedure: procedure})
		must(t, err)
		options := gozmq.PushOptions{Priority: 7, Expires: time.Now().Add(time.Hour)}
		must(t, p.tasks.Render(options.Context(within), &imagev1.RenderTask{Name: "x"}))
		page, err := client.ListTasks(within, &adminv1.ListTasksRequest{})
		must(t, err)
		if got := page.GetPaused(); len(got) != 1 || got[0] != procedure {
			t.Errorf("paused are %q, want %q", got, procedure)
		}
		if got := page.GetTasks(); len(got) != 1 || got[0].GetState() != adminv1.TaskState_TASK_STATE_WAITING || got[0].GetPriority() != 7 || got[0].GetExpires() == nil {
			t.Errorf("while %q is paused the tasks are %v", procedure, got)
		}
		_, err = client.ResumeTasks(within, &adminv1.ResumeTasksRequest{Procedure: procedure})
		must(t, err)
		testkit.Eventually(t, "the task is given up", func() bool { return p.vent.Progress().Failed == uint64(n+1) })
	}
}

// TestRetryDelayed runs a task now that was pushed for later: by its id or its
// state, and not with all that is dead. A ventilator beside it, which stands by,
// says so.
func TestRetryDelayed(t *testing.T) {
	within := testkit.Within(t)
	store := new(gozmqstore.Memory)
	open := func() *gozmq.Ventilator {
		return open[*gozmq.Ventilator](t)(gozmq.NewVentilator(gozmq.Bind(anywhere), gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(store), gozmq.WithLinger(0)))
	}
	owner, second := open(), open()
	g := new(gozmqops.Group)
	must(t, g.Add("prints", owner))
	must(t, g.Add("second", second))
	prints, err := imagev1gozmq.NewPrintsVentilator(owner)
	must(t, err)
	client, _ := admin(t, g, gozmqadmin.AllowChanges())
	later := gozmq.PushOptions{NotBefore: time.Now().Add(time.Hour)}
	for range 2 {
		must(t, prints.Render(later.Context(within), &imagev1.RenderTask{Name: "x"}))
	}
	tasks := list(t, client, &adminv1.TaskFilter{Role: "prints"})
	if len(tasks) != 2 || tasks[0].GetState() != adminv1.TaskState_TASK_STATE_DELAYED {
		t.Fatalf("the tasks are %v", tasks)
	}
	for _, c := range []struct {
		name string
		req  *adminv1.RetryTasksRequest
		want uint64
	}{
		{"all that is dead", &adminv1.RetryTasksRequest{Filter: &adminv1.TaskFilter{Role: "prints"}, All: true}, 0},
		{"by id", &adminv1.RetryTasksRequest{Filter: &adminv1.TaskFilter{Role: "prints", Ids: [][]byte{tasks[0].GetId()}}}, 1},
		{"by state", &adminv1.RetryTasksRequest{Filter: &adminv1.TaskFilter{Role: "prints", States: []adminv1.TaskState{adminv1.TaskState_TASK_STATE_DELAYED}}, All: true}, 1},
	} {
		got, err := client.RetryTasks(within, c.req)
		if err != nil || got.GetRetried() != c.want {
			t.Errorf("%s: %v, %v, want %d", c.name, got, err, c.want)
		}
	}
	for _, task := range list(t, client, &adminv1.TaskFilter{Role: "prints"}) {
		if task.GetState() != adminv1.TaskState_TASK_STATE_WAITING {
			t.Errorf("the task is %v", task)
		}
	}
	page, err := client.ListTasks(within, &adminv1.ListTasksRequest{Filter: &adminv1.TaskFilter{Role: "second"}})
	if err != nil || !page.GetStandby() || len(page.GetTasks()) > 0 {
		t.Errorf("the one that stands by lists %v, %v", page, err)
	}
	roles, err := client.ListRoles(within, &adminv1.ListRolesRequest{})
	must(t, err)
	stats, err := client.GetStats(within, &adminv1.GetStatsRequest{})
	must(t, err)
	for i, role := range roles.GetRoles() {
		if want := role.GetName() == "second"; role.GetStandby() != want || stats.GetRoles()[i].GetTasks().GetStandby() != want {
			t.Errorf("%s stands by: %v, %v", role.GetName(), role.GetStandby(), stats.GetRoles()[i].GetTasks())
		}
	}
}

// A stubborn worker does nothing until the context of its task ends.
type stubborn struct {
	imagev1gozmq.UnimplementedPrintsWorker
	began  chan struct{}
	causes chan error
}

func (s stubborn) Render(ctx context.Context, _ *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	s.began <- struct{}{}
	<-ctx.Done()
	s.causes <- context.Cause(ctx)
	return nil, ctx.Err()
}

// TestCancelTasks gives up a task that a worker has and one that waits, and leaves
// a dead letter alone.
func TestCancelTasks(t *testing.T) {
	within := testkit.Within(t)
	p := newPrintShop(t, gozmq.WithTaskStore(new(gozmqstore.Memory)))
	client := p.client
	refuses := p.work(t, refusing{})
	must(t, p.tasks.Render(within, &imagev1.RenderTask{Name: "refused"}))
	testkit.Eventually(t, "a dead letter", func() bool { return p.vent.Progress().Failed == 1 })
	must(t, refuses.Close())
	for range 2 {
		must(t, p.tasks.Render(within, &imagev1.RenderTask{Name: "x"}))
	}
	worker := stubborn{began: make(chan struct{}, 2), causes: make(chan error, 2)}
	p.work(t, worker, gozmq.WithPrefetch(0))
	testkit.Receive(t, worker.began, "the begin of a handler") // a task that no handler has yet goes back
	states := func() (of [5]int) {
		for _, task := range list(t, client, &adminv1.TaskFilter{}) {
			of[task.GetState()]++
		}
		return of
	}
	want := [5]int{adminv1.TaskState_TASK_STATE_WAITING: 1, adminv1.TaskState_TASK_STATE_RUNNING: 1, adminv1.TaskState_TASK_STATE_DEAD: 1}
	testkit.Eventually(t, "one that runs, one that waits, one that is dead", func() bool { return states() == want })

	got, err := client.CancelTasks(within, &adminv1.CancelTasksRequest{All: true})
	if err != nil || got.GetCanceled() != 2 {
		t.Errorf("%v, %v, want 2 tasks canceled", got, err)
	}
	if cause := testkit.Receive(t, worker.causes, "the end of the handler's context"); gozmq.CodeOf(cause) != gozmq.CodeCanceled {
		t.Errorf("the cause is %v", cause)
	}
	want = [5]int{adminv1.TaskState_TASK_STATE_DEAD: 1}
	testkit.Eventually(t, "that the letter alone is left", func() bool { return states() == want })
	letter := list(t, client, &adminv1.TaskFilter{})[0]
	_, err = client.CancelTasks(within, &adminv1.CancelTasksRequest{Filter: &adminv1.TaskFilter{Ids: [][]byte{letter.GetId()}}})
	if gozmq.CodeOf(err) != gozmq.CodeNotFound {
		t.Errorf("cancel a dead letter: %v", err)
	}
}

// A slow printer says how far it is, until it is told to end.
type slow struct {
	imagev1gozmq.UnimplementedPrintsWorker
	end chan struct{}
}

func (s slow) Render(ctx context.Context, _ *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	gozmq.TaskInfoFromContext(ctx).ReportProgress(0.5, "page 2 of 4")
	<-s.end
	return nil, gozmq.Permanent(errors.New("told to end"))
}

// TestTaskProgress lists how far a task is.
func TestTaskProgress(t *testing.T) {
	p := newPrintShop(t)
	end := make(chan struct{})
	p.work(t, slow{end: end})
	must(t, p.tasks.Render(testkit.Within(t), &imagev1.RenderTask{Name: "a"}))
	testkit.Eventually(t, "the progress", func() bool {
		tasks := list(t, p.client, nil)
		return len(tasks) == 1 && tasks[0].GetProgress() == 0.5 && tasks[0].GetProgressText() == "page 2 of 4"
	})
	close(end)
}

// TestDoneTasks lists tasks that were done and are kept where a filter has their
// state or their ids, and discards one.
func TestDoneTasks(t *testing.T) {
	within := testkit.Within(t)
	p := newPrintShop(t)
	results, err := imagev1gozmq.NewPrintsSink(p.sink)
	must(t, err)
	ctx, stop := context.WithCancel(within)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range results.Render(ctx) {
		}
	}()
	defer func() { stop(); <-ended }()
	p.work(t, printing{})
	for range 3 {
		must(t, p.tasks.Render(gozmq.PushOptions{Retain: time.Hour}.Context(within), &imagev1.RenderTask{Name: "a"}))
	}
	must(t, p.vent.Wait(within))
	if all := list(t, p.client, nil); len(all) > 0 {
		t.Errorf("all are %v", all)
	}
	kept := &adminv1.TaskFilter{States: []adminv1.TaskState{adminv1.TaskState_TASK_STATE_DONE}}
	tasks := list(t, p.client, kept)
	if len(tasks) != 3 || tasks[0].GetEnded() == nil || tasks[0].GetWorker() == "" || len(tasks[0].GetBody()) == 0 {
		t.Fatalf("kept are %v", tasks)
	}
	result := new(imagev1.RenderResult)
	if err := proto.Unmarshal(tasks[0].GetResult().GetBody(), result); err != nil || result.GetName() != "a" || tasks[0].GetResult().GetSize() != uint64(proto.Size(result)) {
		t.Errorf("the result is %v, %v", tasks[0].GetResult(), err)
	}
	first, err := p.client.ListTasks(within, &adminv1.ListTasksRequest{Filter: kept})
	must(t, err)
	bare, err := p.client.ListTasks(within, &adminv1.ListTasksRequest{Filter: kept, PageToken: first.GetNextPageToken()})
	if len(bare.GetTasks()) != 3 || bare.GetTasks()[0].GetResult().GetSize() == 0 || len(bare.GetTasks()[0].GetResult().GetBody()) > 0 {
		t.Errorf("without bodies they are %v, %v", bare, err)
	}
	one := &adminv1.TaskFilter{Ids: [][]byte{tasks[1].GetId()}}
	if got := list(t, p.client, one); len(got) != 1 || !proto.Equal(got[0], tasks[1]) {
		t.Errorf("by its id: %v", got)
	}
	gone, err := p.client.DiscardTasks(within, &adminv1.DiscardTasksRequest{Filter: one})
	if left := list(t, p.client, kept); err != nil || gone.GetDiscarded() != 1 || len(left) != 2 {
		t.Errorf("discarded %v, %v; left %d", gone, err, len(left))
	}
}

type printing struct {
	imagev1gozmq.UnimplementedPrintsWorker
}

func (printing) Render(_ context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	return &imagev1.RenderResult{Name: task.GetName()}, nil
}
