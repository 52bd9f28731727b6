package rival

import (
	"context"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	"github.com/gozmq/gozmq/bench/gen/bench/v1/benchv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A gozmqSure is tasks of ours that are delivered until they are done.
type gozmqSure struct {
	*stopper
	events events
	socket *gozmq.Ventilator
	vent   benchv1gozmq.SureVentilator
	blob   *benchv1.Blob
}

func openGozmqSure(o Options) (_ Stream, err error) {
	p := &gozmqSure{stopper: newStopper(), blob: newBlob(o.Size, 0)}
	opts := as[gozmq.VentilatorOption](p.events.options(o), gozmq.DeliveryAtLeastOnce, gozmq.Bind(anyPort))
	if o.Waiting > 0 {
		opts = append(opts, gozmq.WithTaskQueue(2*o.Waiting+1000, 1<<30))
	}
	p.socket, err = gozmq.NewVentilator(opts...)
	if err != nil {
		return nil, err
	}
	if p.vent, err = benchv1gozmq.NewSureVentilator(p.socket); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *gozmqSure) Send(seq uint64) error {
	p.blob.Seq = seq
	return p.vent.Work(context.Background(), p.blob)
}

type gozmqSureHandler struct {
	benchv1gozmq.UnimplementedSureWorker
	got func(uint64)
}

func (h gozmqSureHandler) Work(_ context.Context, task *benchv1.Blob) error {
	h.got(task.GetSeq())
	return nil
}

func (p *gozmqSure) Receive(_ int, got func(uint64)) error {
	return benchv1gozmq.RunSureWorker(p.ctx, gozmqSureHandler{got: got}, as[gozmq.WorkerOption](p.events.options(Options{}),
		gozmq.From(gozmq.Connect(p.socket.Addrs()...)), gozmq.WithConcurrency(1))...)
}

func (p *gozmqSure) Close() {
	p.stop()
	p.socket.Close()
}
