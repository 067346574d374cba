// Package event says on standard output what happens in the pod: the AgentEvent of src/pod/program.ts as JSON lines.
package event

import "waybill.dev/agent/internal/value"

// Protocol is the version of the event stream, in Hello.
const Protocol = 1

// Body is what an event says beside its number and time.
type Body interface{ kind() string }

// Hello is the first event.
type Hello struct {
	Protocol int    `json:"protocol"`
	Agent    string `json:"agent"`
	Run      string `json:"run"`
	Group    int    `json:"group"`
	Attempt  int    `json:"attempt"`
}

// TaskStarted says that a task's first step is due.
type TaskStarted struct {
	Task int `json:"task"`
}

// StepStarted says that a step's program runs.
type StepStarted struct {
	Task int `json:"task"`
	Step int `json:"step"`
}

// StepFinished is a step's outcome; a skipped step has one without StepStarted.
type StepFinished struct {
	Task int `json:"task"`
	Step int `json:"step"`
	StepOutcome
}

// TaskFinished is a task's outcome; a skipped task has one without TaskStarted.
type TaskFinished struct {
	Task int `json:"task"`
	TaskOutcome
}

// Heartbeat says that the supervisor lives.
type Heartbeat struct{}

// Closing is the last event: every task again.
type Closing struct {
	Tasks []SnapshotTask `json:"tasks"`
}

// StepReason is Tekton's terminationReason.
type StepReason string

const (
	Completed       StepReason = "Completed"
	Error           StepReason = "Error"
	Continued       StepReason = "Continued"
	Skipped         StepReason = "Skipped"
	TimeoutExceeded StepReason = "TimeoutExceeded"
	Cancelled       StepReason = "Cancelled"
)

// StepOutcome is how a step ended.
type StepOutcome struct {
	ExitCode int                    `json:"exitCode"`
	Reason   StepReason             `json:"reason"`
	Message  string                 `json:"message,omitempty"`
	Results  map[string]value.Value `json:"results,omitempty"`
}

// Outcome is how a task ended.
type Outcome string

const (
	TaskSucceeded Outcome = "succeeded"
	TaskFailed    Outcome = "failed"
	TaskSkipped   Outcome = "skipped"
)

// TaskOutcome is a task's outcome with Tekton's reason, or skip reason.
type TaskOutcome struct {
	Outcome Outcome                `json:"outcome"`
	Reason  string                 `json:"reason"`
	Message string                 `json:"message,omitempty"`
	Results map[string]value.Value `json:"results,omitempty"`
}

// SnapshotTask is a task in Closing. A skipped task has no steps.
type SnapshotTask struct {
	Task int `json:"task"`
	TaskOutcome
	StartedAt  string         `json:"startedAt,omitempty"`
	FinishedAt string         `json:"finishedAt"`
	Steps      []SnapshotStep `json:"steps"`
}

// SnapshotStep is a step in Closing. A skipped step has no StartedAt.
type SnapshotStep struct {
	StepOutcome
	StartedAt  string `json:"startedAt,omitempty"`
	FinishedAt string `json:"finishedAt,omitempty"`
}

func (Hello) kind() string        { return "hello" }
func (TaskStarted) kind() string  { return "task.started" }
func (StepStarted) kind() string  { return "step.started" }
func (StepFinished) kind() string { return "step.finished" }
func (TaskFinished) kind() string { return "task.finished" }
func (Heartbeat) kind() string    { return "heartbeat" }
func (Closing) kind() string      { return "closing" }
