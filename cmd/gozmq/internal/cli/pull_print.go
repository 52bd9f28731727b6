package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/recording"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A pulledJSON is a task or a result, for programs.
type pulledJSON struct {
	Time           time.Time        `json:"time"`
	Method         string           `json:"method"`
	ID             string           `json:"id,omitempty"`
	Attempt        int              `json:"attempt,omitempty"`
	Batch          string           `json:"batch,omitempty"`
	Metadata       message.Metadata `json:"metadata,omitempty"`
	ResultMetadata message.Metadata `json:"resultMetadata,omitempty"`
	From           string           `json:"from,omitempty"`
	Task           json.RawMessage  `json:"task,omitempty"`
	Result         json.RawMessage  `json:"result,omitempty"`
	Error          string           `json:"error,omitempty"`
}

// print prints one task or result. It returns false for one beyond the count.
func (x *pulling) print(m *schema.Method, body []byte, info *gozmq.TaskInfo) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	enough := x.flags.count > 0 && x.count >= x.flags.count
	if enough && m.Delivery == gozmq.DeliveryAtLeastOnce {
		return false
	}
	x.count++
	if err := x.write(m, body, info); err != nil && x.failed == nil {
		x.failed = err
		x.cancel(context.Canceled)
	}
	if x.flags.count > 0 && x.count >= x.flags.count {
		x.cancel(context.Canceled)
	}
	return true
}

func (x *pulling) write(m *schema.Method, body []byte, info *gozmq.TaskInfo) error {
	desc := m.Input
	if x.flags.as == "sink" {
		desc = m.Output
	}
	switch x.flags.output {
	case "json":
		return x.object(m, body, info)
	case outputRecord:
		if x.writer == nil {
			x.writer = recording.NewWriter(x.out)
		}
		return x.writer.Write(recordOfTask(m, body, info))
	}
	var b strings.Builder
	if x.flags.output == "lines" {
		b.WriteString(m.Procedure + " ")
		if info != nil && info.Attempt > 1 {
			fmt.Fprintf(&b, "(attempt %d) ", info.Attempt)
		}
	}
	if err := x.printer.Write(&b, body, desc); err != nil {
		x.say("%s: %v", m.Procedure, err)
		return nil
	}
	_, err := x.out.Write([]byte(b.String()))
	return err
}

func (x *pulling) object(m *schema.Method, body []byte, info *gozmq.TaskInfo) error {
	o := pulledJSON{Time: time.Now(), Method: m.Procedure}
	desc, to := m.Input, &o.Task
	if x.flags.as == "sink" {
		desc, to = m.Output, &o.Result
	}
	if info != nil {
		o.ID, o.Attempt, o.Batch = fmt.Sprintf("%x", info.ID), info.Attempt, info.Batch
		o.Metadata, o.ResultMetadata = message.Metadata(info.Metadata), message.Metadata(info.ResultMetadata)
		if info.Peer != nil {
			o.From = info.Peer.Address
		}
	}
	var err error
	if *to, err = x.printer.JSON(body, desc); err != nil {
		o.Error = err.Error()
	}
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = x.out.Write(append(b, '\n'))
	return err
}
