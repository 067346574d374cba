package run

import (
	"waybill.dev/agent/internal/event"
	"waybill.dev/agent/internal/program"
	"waybill.dev/agent/internal/semantics"
	"waybill.dev/agent/internal/value"
)

// known is what the tasks that are done say, and, within a task, its steps.
func (r *Run) known(t *task) semantics.Known {
	retries := r.program.Attempt - 1
	known := semantics.Known{
		Result: func(id int, name string) (value.Value, bool) {
			other, ok := r.byID[id]
			if !ok || other.phase != done {
				return value.Value{}, false
			}
			v, ok := other.outcome.Results[name]
			return v, ok
		},
		Status: func(status program.Status) (string, bool) {
			if status.All {
				return r.aggregate(), true
			}
			return r.byID[status.Task].status(), true
		},
		Reason: func(id int) (string, bool) {
			other := r.byID[id]
			if other.startedAt.IsZero() {
				return "None", true
			}
			return other.outcome.Reason, true
		},
		RetryCount: &retries,
	}
	if t != nil {
		known.StepResult = func(step int, name string) (value.Value, bool) {
			v, ok := t.steps[step].outcome.Results[name]
			return v, ok
		}
	}
	return known
}

// status is `$(tasks.T.status)`.
func (t *task) status() string {
	switch t.outcome.Outcome {
	case event.TaskSucceeded:
		return "Succeeded"
	case event.TaskFailed:
		return "Failed"
	}
	return "None"
}

// aggregate is `$(tasks.status)`.
func (r *Run) aggregate() string {
	all := "Succeeded"
	for _, t := range r.tasks {
		switch {
		case t.outcome.Outcome == event.TaskFailed:
			return "Failed"
		case t.phase != done:
			all = "None"
		case t.outcome.Outcome == event.TaskSkipped && all == "Succeeded":
			all = "Completed"
		}
	}
	return all
}

// missing are the references to other tasks' results, in the order in which they stand, that have no value.
func (r *Run) missing(t *task) []*program.Reference {
	known := r.known(nil)
	found := []*program.Reference{}
	text := func(text program.Text) {
		for _, segment := range text {
			if reference := segment.Reference; reference != nil && reference.Task != nil && !semantics.HasText(reference, known) {
				found = append(found, reference)
			}
		}
	}
	items := func(items []program.Item) {
		for _, item := range items {
			if item.Text != nil {
				text(*item.Text)
			} else if item.Splat.Task != nil && !semantics.HasArray(item.Splat, known) {
				found = append(found, item.Splat)
			}
		}
	}
	for _, when := range t.spec.When {
		text(when.Input)
		items(when.Values)
	}
	for _, s := range t.spec.Steps {
		if s.Script != nil {
			text(*s.Script)
		}
		items(s.Argv)
		for _, variable := range s.Env {
			text(variable.Value)
		}
		if s.WorkingDir != nil {
			text(*s.WorkingDir)
		}
	}
	return found
}
