package run

import (
	"fmt"
	"slices"
	"time"

	"waybill.dev/agent/internal/event"
	"waybill.dev/agent/internal/program"
	"waybill.dev/agent/internal/semantics"
	"waybill.dev/agent/internal/value"
)

// Tekton's reasons and skip reasons.
const (
	reasonSucceeded      = "Succeeded"
	reasonStepFailed     = "StepFailed"
	reasonIgnored        = "FailureIgnored"
	reasonTimeout        = "TaskRunTimeout"
	reasonCancelled      = "TaskRunCancelled"
	reasonTooLarge       = "TaskRunResultLargerThanAllowedLimit"
	reasonInvalidResult  = "InvalidTaskResultReference"
	skipWhen             = "When Expressions evaluated to false"
	skipParents          = "Parent Tasks were skipped"
	skipStopping         = "PipelineRun was stopping"
	skipResultsMissing   = "Results were missing"
	messageSucceeded     = "All Steps have completed executing"
	messageResultsTooBig = "the results of the pod's tasks are larger than allowed"
)

// settle starts and skips tasks until nothing changes. Tasks stand in topological order, so that one pass follows a
// chain; a task that fails at its start stops those before it too, which takes a second.
func (r *Run) settle() {
	for changed := true; changed; {
		changed = false
		for _, t := range r.tasks {
			if t.phase != pending {
				continue
			}
			if r.stopping {
				r.skip(t, skipStopping)
				changed = true
			} else if r.ready(t) {
				r.begin(t)
				changed = true
			}
		}
	}
	if !r.closed && r.Done() {
		r.closed = true
		r.fx.Emit(r.now(), event.Closing{Tasks: r.Snapshot()})
	}
}

func (r *Run) ready(t *task) bool {
	for _, id := range t.spec.Needs {
		if r.byID[id].phase != done {
			return false
		}
	}
	return true
}

// begin starts a task, skips it, or fails it, in the order in which Tekton looks: parents, results, conditions.
func (r *Run) begin(t *task) {
	for _, id := range t.spec.Needs {
		parent := r.byID[id].outcome
		if parent.Outcome == event.TaskSkipped && parent.Reason != skipWhen {
			r.skip(t, skipParents)
			return
		}
	}
	missing := r.missing(t)
	for _, reference := range missing {
		if t.spec.OnError == program.Continue || r.byID[*reference.Task].outcome.Outcome == event.TaskSkipped {
			r.skip(t, skipResultsMissing)
			return
		}
	}
	known := r.known(nil)
	known.Room = semantics.MaxTexts()
	// Where a condition itself lacks a result, the invalid reference below is the answer.
	holds, lacks := semantics.Holds(t.spec.When, known)
	switch {
	case lacks != nil && lacks.TooLarge:
		r.stopping = true
		r.conclude(t, event.TaskOutcome{Outcome: event.TaskFailed, Reason: reasonInvalidResult, Message: lacks.Error()})
		return
	case lacks == nil && !holds:
		r.skip(t, skipWhen)
		return
	}
	if len(missing) > 0 {
		r.refuse(t, missing[0])
		return
	}
	t.phase = active
	t.startedAt = r.now()
	r.fx.Emit(t.startedAt, event.TaskStarted{Task: t.spec.ID})
	if t.spec.Timeout > 0 {
		r.fx.Arm(t.index, time.Duration(t.spec.Timeout)*time.Millisecond)
	}
	r.advance(t)
}

func (r *Run) skip(t *task, reason string) {
	r.conclude(t, event.TaskOutcome{Outcome: event.TaskSkipped, Reason: reason})
}

// refuse fails a task whose reference can never have a value. As in Tekton this ends the run.
func (r *Run) refuse(t *task, reference *program.Reference) {
	r.stopping = true
	parent := r.byID[*reference.Task]
	r.conclude(t, event.TaskOutcome{
		Outcome: event.TaskFailed,
		Reason:  reasonInvalidResult,
		Message: fmt.Sprintf("task %q has no result %q of the type, index or key that is asked for", parent.spec.Name, *reference.Result),
	})
}

// end brings an active task to its end from outside.
func (r *Run) end(t *task, why ending) {
	t.ending = why
	s := t.current()
	if s == nil {
		return
	}
	if s.phase == running {
		r.kill(s)
		r.fx.Arm(t.index, patience)
		return
	}
	r.endStep(s, event.StepOutcome{ExitCode: exitSkipped, Reason: event.Skipped})
}

// finish gives a task that ran its outcome, when its last step has one.
func (r *Run) finish(t *task) {
	outcome := r.judge(t)
	if outcome.Outcome == event.TaskFailed && t.spec.OnError != program.Continue {
		r.stopping = true
	}
	r.conclude(t, outcome)
}

func (r *Run) judge(t *task) event.TaskOutcome {
	results, fits := r.results(t)
	failed := t.failure()
	outcome := event.TaskOutcome{Outcome: event.TaskFailed, Results: results}
	switch {
	case t.ending == byTimeout:
		outcome.Reason = reasonTimeout
		outcome.Message = fmt.Sprintf("task %q failed to finish within %q", t.spec.Name, time.Duration(t.spec.Timeout)*time.Millisecond)
	case t.ending == byCancel:
		outcome.Reason = reasonCancelled
		outcome.Message = fmt.Sprintf("task %q was cancelled", t.spec.Name)
	case t.tooLarge:
		outcome.Reason = reasonTooLarge
		outcome.Message = failed.outcome.Message
	case failed != nil:
		outcome.Reason = reasonStepFailed
		if t.spec.OnError == program.Continue {
			outcome.Reason = reasonIgnored
		}
		outcome.Message = fmt.Sprintf("%q exited with code %d: %s", "step-"+failed.spec.Name, failed.outcome.ExitCode, failed.outcome.Reason)
	case !fits:
		outcome.Reason = reasonTooLarge
		outcome.Message = messageResultsTooBig
	default:
		outcome = event.TaskOutcome{Outcome: event.TaskSucceeded, Reason: reasonSucceeded, Message: messageSucceeded, Results: results}
	}
	return outcome
}

// failure is the first step that failed.
func (t *task) failure() *step {
	for _, s := range t.steps {
		if s.outcome.Reason != event.Completed && s.outcome.Reason != event.Continued {
			return s
		}
	}
	return nil
}

// results are those that have a value; a failed task has some, too. False: they do not fit what is left of the pod's limit.
func (r *Run) results(t *task) (map[string]value.Value, bool) {
	results := map[string]value.Value{}
	size := int64(0)
	known := r.known(t)
	known.Room = semantics.MaxTexts()
	for _, spec := range t.spec.Results {
		v, ok, missing := resultValue(spec, t, known)
		if missing != nil && missing.TooLarge {
			return nil, false
		}
		if ok && v.Type == spec.Type {
			results[spec.Name] = v
			size += int64(v.Size())
		}
	}
	return r.keep(t, results, size)
}

// keep takes results of so many bytes off what is left of the pod's limit; false where they do not fit.
func (r *Run) keep(t *task, results map[string]value.Value, size int64) (map[string]value.Value, bool) {
	if size > r.available(t) {
		return nil, false
	}
	r.room -= size
	t.kept += size
	if len(results) == 0 {
		return nil, true
	}
	return results, true
}

// reserve is what no task can take from another one, in bytes: as far as half of the pod's limit gives it to all.
const reserve = 64 << 10

// available is how many bytes of results a task may still have: what is left, but for what others have a right to.
func (r *Run) available(t *task) int64 {
	left := r.room
	each := min(reserve, r.program.Limits.Results/2/int64(len(r.tasks)))
	for _, other := range r.tasks {
		if other != t && other.phase != done && other.makesResults() {
			left -= max(0, each-other.kept)
		}
	}
	return max(0, left)
}

func (t *task) makesResults() bool {
	return len(t.spec.Results) > 0 || slices.ContainsFunc(t.spec.Steps, func(s program.Step) bool { return len(s.Results) > 0 })
}

func resultValue(spec program.Result, t *task, known semantics.Known) (value.Value, bool, *semantics.Missing) {
	if spec.Value == nil {
		v, ok := t.taken[spec.Name]
		return v, ok, nil
	}
	switch spec.Value.Kind {
	case "string":
		text, missing := semantics.Text(spec.Value.Text, known)
		return value.OfText(text), missing == nil, missing
	case "array":
		items, missing := semantics.Items(spec.Value.Items, known)
		return value.OfItems(items), missing == nil, missing
	case "object":
		entries, missing := semantics.Entries(spec.Value.Entries, known)
		return value.OfEntries(entries), missing == nil, missing
	default:
		v, ok := t.steps[spec.Value.Step].outcome.Results[spec.Value.Result]
		return v, ok, nil
	}
}

func (r *Run) conclude(t *task, outcome event.TaskOutcome) {
	t.phase = done
	t.finishedAt = r.now()
	t.outcome = outcome
	r.fx.Emit(t.finishedAt, event.TaskFinished{Task: t.spec.ID, TaskOutcome: outcome})
	for _, s := range t.steps {
		r.dismiss(s)
	}
}
