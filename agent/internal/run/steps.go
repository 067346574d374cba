package run

import (
	"waybill.dev/agent/internal/event"
	"waybill.dev/agent/internal/program"
	"waybill.dev/agent/internal/semantics"
	"waybill.dev/agent/internal/wire"
)

// advance gives the next step of a task its turn; without one, the task is finished.
func (r *Run) advance(t *task) {
	s := t.current()
	if s == nil {
		r.finish(t)
		return
	}
	if s.lost != "" {
		r.endStep(s, event.StepOutcome{ExitCode: exitLost, Reason: event.Error, Message: s.lost})
		return
	}
	s.phase = due
	if s.connected {
		r.order(s)
	}
}

// order tells a connected shim to run its step.
func (r *Run) order(s *step) {
	exec, missing := r.exec(s)
	if missing != nil {
		r.endStep(s, event.StepOutcome{ExitCode: exitSkipped, Reason: event.Error, Message: missing.Error()})
		return
	}
	s.phase = running
	s.ordered = true
	r.fx.Send(s.spec.Socket, wire.Order{Exec: exec})
}

func (r *Run) exec(s *step) (*wire.Exec, *semantics.Missing) {
	known := r.known(s.task)
	known.Room = semantics.MaxTexts()
	exec := &wire.Exec{
		Step:     s.spec.Name,
		Timeout:  s.spec.Timeout,
		Continue: s.spec.OnError == program.Continue,
		Limits:   wire.Limits{Result: r.program.Limits.Result, Total: r.available(s.task)},
	}
	var missing *semantics.Missing
	if exec.Argv, missing = semantics.Words(s.spec.Argv, known); missing != nil {
		return nil, missing
	}
	for _, variable := range s.spec.Env {
		word, missing := semantics.Word(variable.Value, known)
		if missing != nil {
			return nil, missing
		}
		exec.Env = append(exec.Env, wire.Variable{Name: variable.Name, Value: word})
	}
	// Kubernetes puts variables into command and args only: elsewhere they stay as written.
	known.Env = func(string) (string, bool) { return "", false }
	if exec.Script, missing = optional(s.spec.Script, known); missing != nil {
		return nil, missing
	}
	if exec.Dir, missing = optional(s.spec.WorkingDir, known); missing != nil {
		return nil, missing
	}
	if exec.Dir != nil && *exec.Dir == "" {
		exec.Dir = nil // As in Kubernetes: empty is not given.
	}
	for _, result := range s.spec.Results {
		exec.StepResults = append(exec.StepResults, wire.Result{Name: result.Name, Type: result.Type})
	}
	for _, result := range s.task.files() {
		exec.TaskResults = append(exec.TaskResults, wire.Result{Name: result.Name, Type: result.Type})
	}
	return exec, nil
}

func optional(text *program.Text, known semantics.Known) (*string, *semantics.Missing) {
	if text == nil {
		return nil, nil
	}
	complete, missing := semantics.Text(*text, known)
	if missing != nil {
		return nil, missing
	}
	return &complete, nil
}

func (r *Run) kill(s *step) {
	r.fx.Send(s.spec.Socket, wire.Order{Kill: &wire.Kill{ExitCode: s.task.killed().ExitCode}})
}

// killed is the outcome of the step that runs when its task is brought to its end.
func (t *task) killed() event.StepOutcome {
	if t.ending == byTimeout {
		return event.StepOutcome{ExitCode: exitTimeout, Reason: event.TimeoutExceeded, Message: "the task's timeout was exceeded"}
	}
	return event.StepOutcome{ExitCode: exitCancelled, Reason: event.Cancelled, Message: "the task was cancelled"}
}

func (r *Run) lostOutcome(s *step, why string) event.StepOutcome {
	if s.task.ending != none {
		return s.task.killed()
	}
	return event.StepOutcome{ExitCode: exitLost, Reason: event.Error, Message: why}
}

// endStep makes an outcome final and goes on: to the next step, or, after a failure, past all others.
func (r *Run) endStep(s *step, outcome event.StepOutcome) {
	s.phase = finished
	s.finishedAt = r.now()
	s.outcome = outcome
	r.fx.Emit(s.finishedAt, event.StepFinished{Task: s.task.spec.ID, Step: s.index, StepOutcome: outcome})
	r.dismiss(s)
	ended := outcome.Reason != event.Completed && outcome.Reason != event.Continued || s.task.ending != none
	if next := s.task.current(); next != nil && ended {
		r.endStep(next, event.StepOutcome{ExitCode: exitSkipped, Reason: event.Skipped})
		return
	}
	r.advance(s.task)
}
