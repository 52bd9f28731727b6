// Package plots draws what sweeps gave.
package plots

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gozmq/gozmq/bench/internal/cases"
	"github.com/gozmq/gozmq/bench/internal/report"
)

// DataFile is the name of the file from which plots can be drawn again.
const DataFile = "data.json"

// Data is what is kept beside the plots.
type Data struct {
	Machine report.Machine       `json:"machine"`
	Round   string               `json:"round"`
	Sweeps  []*cases.SweepResult `json:"sweeps"`
}

// Read reads the data that Write has written.
func Read(file string) (*Data, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	d := new(Data)
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return d, nil
}

// Write writes the data and the plot of each sweep into dir. Equal data give
// equal files.
func (d *Data) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, DataFile), append(text, '\n'), 0o644); err != nil {
		return err
	}
	for _, s := range d.Sweeps {
		var b bytes.Buffer
		if err := Draw(&b, s, d.caption()); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, s.Name+".svg"), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// caption says where and when the data were measured.
func (d *Data) caption() string {
	return fmt.Sprintf("%s, %d × %s, rounds of %s, load %s", d.Machine.Date, d.Machine.Cores, d.Machine.CPU, d.Round, d.Machine.Load)
}
