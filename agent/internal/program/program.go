// Package program reads what one pod's supervisor executes: the JSON that src/pod/program.ts describes, version 1.
package program

import (
	"encoding/json"

	"waybill.dev/agent/internal/value"
)

// Version of the program that this agent executes.
const Version = 1

// Program is the pod's whole work; tasks stand in topological order.
type Program struct {
	Version   int    `json:"version"`
	Run       string `json:"run"`
	Group     int    `json:"group"`
	Attempt   int    `json:"attempt"`
	Heartbeat int64  `json:"heartbeat"`
	Limits    Limits `json:"limits"`
	Tasks     []Task `json:"tasks"`
}

// Limits in bytes: of one result, and of all results of the pod.
type Limits struct {
	Result  int64 `json:"result"`
	Results int64 `json:"results"`
}

// OnError is what follows from a failure.
type OnError string

const (
	Continue    OnError = "continue"
	StopAndFail OnError = "stopAndFail"
)

// Task is one node of the plan.
type Task struct {
	ID      int      `json:"id"`
	Name    string   `json:"name"`
	Needs   []int    `json:"needs"`
	When    []When   `json:"when"`
	Timeout int64    `json:"timeout"`
	OnError OnError  `json:"onError"`
	Steps   []Step   `json:"steps"`
	Results []Result `json:"results"`
}

// When is one condition.
type When struct {
	Input    Text   `json:"input"`
	Operator string `json:"operator"`
	Values   []Item `json:"values"`
}

// Step is one container.
type Step struct {
	Name       string       `json:"name"`
	Socket     int          `json:"socket"`
	Script     *Text        `json:"script,omitempty"`
	Argv       []Item       `json:"argv"`
	Env        []Variable   `json:"env"`
	WorkingDir *Text        `json:"workingDir,omitempty"`
	Timeout    int64        `json:"timeout"`
	OnError    OnError      `json:"onError"`
	Results    []StepResult `json:"results"`
}

// Variable is an environment entry that holds references.
type Variable struct {
	Name  string `json:"name"`
	Value Text   `json:"value"`
}

// StepResult is a file in the step's results folder.
type StepResult struct {
	Name string     `json:"name"`
	Type value.Type `json:"type"`
}

// Result of a task: the file /tekton/results/NAME, or what Value says.
type Result struct {
	Name  string     `json:"name"`
	Type  value.Type `json:"type"`
	Value *Value     `json:"value,omitempty"`
}

// Value of a result, made of other values; Kind says which fields count.
type Value struct {
	Kind    string          `json:"kind"`
	Text    Text            `json:"text,omitempty"`
	Items   []Item          `json:"items,omitempty"`
	Entries map[string]Text `json:"entries,omitempty"`
	Step    int             `json:"step,omitempty"`
	Result  string          `json:"result,omitempty"`
}

// Text is a list of literals and references.
type Text []Segment

// Segment is a literal, or a reference where Reference is set.
type Segment struct {
	Literal   string
	Reference *Reference
}

// Reference is one of: {task, result, index?, key?}, {step, result, index?, key?}, {status}, {reason}, {retryCount},
// {env}. Status is a task's id or "all".
type Reference struct {
	Task       *int    `json:"task,omitempty"`
	Step       *int    `json:"step,omitempty"`
	Result     *string `json:"result,omitempty"`
	Index      *int    `json:"index,omitempty"`
	Key        *string `json:"key,omitempty"`
	Status     *Status `json:"status,omitempty"`
	Reason     *int    `json:"reason,omitempty"`
	RetryCount bool    `json:"retryCount,omitempty"`
	Env        *string `json:"env,omitempty"`
}

// Status names one task, or all.
type Status struct {
	Task int
	All  bool
}

// Item is a text, or a whole array result that becomes several.
type Item struct {
	Text  *Text      `json:"text,omitempty"`
	Splat *Reference `json:"splat,omitempty"`
}

func (s *Segment) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &s.Literal)
	}
	s.Reference = &Reference{}
	return strict(data, s.Reference)
}

func (s Segment) MarshalJSON() ([]byte, error) {
	if s.Reference != nil {
		return json.Marshal(s.Reference)
	}
	return json.Marshal(s.Literal)
}

func (s *Status) UnmarshalJSON(data []byte) error {
	if string(data) == `"all"` {
		s.All = true
		return nil
	}
	return json.Unmarshal(data, &s.Task)
}

func (s Status) MarshalJSON() ([]byte, error) {
	if s.All {
		return []byte(`"all"`), nil
	}
	return json.Marshal(s.Task)
}
