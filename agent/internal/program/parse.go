package program

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"waybill.dev/agent/internal/value"
)

// MaxSize of a program's JSON in bytes: what a Secret can hold, and room.
const MaxSize = 2 << 20

// maxResults is the most that Limits.Results may say, so that every report fits a frame.
const maxResults = 4 << 20

var (
	// Names become folders and files: no separators, nothing that starts with a dot.
	stepName   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	resultName = regexp.MustCompile(`^[A-Za-z0-9_][-A-Za-z0-9_.]*$`)
)

// Parse reads and checks a program. What it returns is safe to execute: names are file names, ids and sockets are
// unique, and every reference points to an earlier task or an earlier step of the same task.
func Parse(data []byte) (*Program, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("the program has %d bytes, more than %d", len(data), MaxSize)
	}
	// The version first: another version's fields are not worth a message.
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("the program is no JSON: %w", err)
	}
	if head.Version != Version {
		return nil, fmt.Errorf("the program has version %d, this agent executes version %d", head.Version, Version)
	}
	var p Program
	if err := strict(data, &p); err != nil {
		return nil, fmt.Errorf("the program is malformed: %w", err)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("the program is malformed: %w", err)
	}
	return &p, nil
}

func strict(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("data after the JSON")
	}
	return nil
}

func (p *Program) check() error {
	if p.Run == "" || p.Attempt < 1 || p.Heartbeat < 1 || p.Limits.Result < 0 || p.Limits.Results < 0 || p.Limits.Results > maxResults || len(p.Tasks) == 0 {
		return errors.New("run, attempt, heartbeat, limits or tasks")
	}
	c := checker{ids: map[int]bool{}, sockets: map[int]bool{}}
	for i := range p.Tasks {
		if err := c.task(&p.Tasks[i]); err != nil {
			return fmt.Errorf("task %d: %w", i, err)
		}
	}
	return nil
}

// checker walks the tasks in order; ids are those of the tasks before.
type checker struct {
	ids     map[int]bool
	sockets map[int]bool
}

func (c *checker) task(t *Task) error {
	if t.ID < 0 || c.ids[t.ID] || t.Timeout < 0 || !t.OnError.known() || len(t.Steps) == 0 {
		return errors.New("id, timeout, onError or steps")
	}
	for _, need := range t.Needs {
		if !c.ids[need] {
			return fmt.Errorf("needs %d, which is no earlier task", need)
		}
	}
	for _, when := range t.When {
		if when.Operator != "in" && when.Operator != "notin" {
			return fmt.Errorf("operator %q", when.Operator)
		}
		if err := errors.Join(c.text(when.Input, 0), c.items(when.Values, 0)); err != nil {
			return err
		}
	}
	names := map[string]bool{}
	for i := range t.Steps {
		step := &t.Steps[i]
		if names[step.Name] {
			return fmt.Errorf("two steps %q", step.Name)
		}
		names[step.Name] = true
		if err := c.step(step, i); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	for _, result := range t.Results {
		if !resultName.MatchString(result.Name) || !result.Type.Known() {
			return fmt.Errorf("result %q", result.Name)
		}
		if err := c.value(result, t); err != nil {
			return fmt.Errorf("result %q: %w", result.Name, err)
		}
	}
	c.ids[t.ID] = true
	return nil
}

func (c *checker) step(s *Step, index int) error {
	if !stepName.MatchString(s.Name) || s.Socket < 0 || c.sockets[s.Socket] || s.Timeout < 0 || !s.OnError.known() {
		return errors.New("name, socket, timeout or onError")
	}
	c.sockets[s.Socket] = true
	if s.Script == nil && len(s.Argv) == 0 {
		return errors.New("neither script nor argv")
	}
	for _, result := range s.Results {
		if !resultName.MatchString(result.Name) || !result.Type.Known() {
			return fmt.Errorf("result %q", result.Name)
		}
	}
	texts := []Text{}
	if s.Script != nil {
		texts = append(texts, *s.Script)
	}
	if s.WorkingDir != nil {
		texts = append(texts, *s.WorkingDir)
	}
	for _, variable := range s.Env {
		texts = append(texts, variable.Value)
	}
	for _, text := range texts {
		if err := c.text(text, index); err != nil {
			return err
		}
	}
	return c.items(s.Argv, index)
}

func (c *checker) value(r Result, t *Task) error {
	if r.Value == nil {
		return nil
	}
	all := len(t.Steps)
	switch {
	case r.Value.Kind == "string" && r.Type == value.String:
		return c.text(r.Value.Text, all)
	case r.Value.Kind == "array" && r.Type == value.Array:
		return c.items(r.Value.Items, all)
	case r.Value.Kind == "object" && r.Type == value.Object:
		for _, text := range r.Value.Entries {
			if err := c.text(text, all); err != nil {
				return err
			}
		}
		return nil
	case r.Value.Kind == "step" && r.Value.Step >= 0 && r.Value.Step < all && r.Value.Result != "":
		return nil
	}
	return fmt.Errorf("value of kind %q", r.Value.Kind)
}

func (c *checker) items(items []Item, steps int) error {
	for _, item := range items {
		if (item.Text == nil) == (item.Splat == nil) {
			return errors.New("an item is a text or a splat")
		}
		if item.Text != nil {
			if err := c.text(*item.Text, steps); err != nil {
				return err
			}
			continue
		}
		splat := item.Splat
		if splat.Result == nil || splat.Index != nil || splat.Key != nil {
			return errors.New("a splat names a whole result")
		}
		if err := c.reference(splat, steps); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) text(text Text, steps int) error {
	for _, segment := range text {
		if segment.Reference == nil {
			continue
		}
		if err := c.reference(segment.Reference, steps); err != nil {
			return err
		}
	}
	return nil
}

// reference allows exactly one kind; steps is how many steps of the task may be named.
func (c *checker) reference(r *Reference, steps int) error {
	kinds := 0
	for _, set := range []bool{r.Task != nil, r.Step != nil, r.Status != nil, r.Reason != nil, r.RetryCount, r.Env != nil} {
		if set {
			kinds++
		}
	}
	ofResult := r.Task != nil || r.Step != nil
	if kinds != 1 || ofResult != (r.Result != nil) || !ofResult && (r.Index != nil || r.Key != nil) {
		return errors.New("a reference has one kind")
	}
	switch {
	case r.Task != nil && !c.ids[*r.Task],
		r.Reason != nil && !c.ids[*r.Reason],
		r.Status != nil && !r.Status.All && !c.ids[r.Status.Task]:
		return errors.New("a reference names no earlier task")
	case r.Step != nil && (*r.Step < 0 || *r.Step >= steps):
		return errors.New("a reference names no earlier step")
	}
	return nil
}

func (o OnError) known() bool { return o == Continue || o == StopAndFail }
