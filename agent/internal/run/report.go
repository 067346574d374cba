package run

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"waybill.dev/agent/internal/event"
	"waybill.dev/agent/internal/program"
	"waybill.dev/agent/internal/value"
	"waybill.dev/agent/internal/wire"
)

// longestMessage in bytes: it stands in events, which all tasks of the pod share.
const longestMessage = 1024

const messageSpeech = "the step's container reported what no step can be"

// take turns a shim's report into the step's outcome. The report is believed as far as the step itself could have brought
// it about: an exit code, results that it declares, a message of bounded length.
func (r *Run) take(s *step, report wire.Exited) {
	outcome, honest := s.reported(report)
	left := r.available(s.task)
	stepSpecs, taskSpecs := s.spec.Results, s.task.files()
	own, first := readAll(stepSpecs, report.StepResults, r.program.Limits.Result, &left)
	files, second := readAll(taskSpecs, report.TaskResults, r.program.Limits.Result, &left)
	problem := first
	if problem == nil {
		problem = second
	}
	if honest && problem != nil && (outcome.Reason == event.Completed || outcome.Reason == event.Continued) {
		// The shim looked at them too, but what is left for all tasks may have become less since it was told.
		outcome = event.StepOutcome{ExitCode: exitSkipped, Reason: event.Error, Message: clip(problem.Error())}
	}
	if report.Cause == wire.CauseTooLarge || errors.Is(problem, errTooLarge) {
		s.task.tooLarge = true
	}
	size := int64(0)
	for _, v := range own {
		size += int64(v.Size())
	}
	outcome.Results, _ = r.keep(s.task, own, size)
	for name, v := range files {
		if s.task.taken == nil {
			s.task.taken = map[string]value.Value{}
		}
		s.task.taken[name] = v
	}
	r.endStep(s, outcome)
}

// reported is the outcome without results; false where the report cannot be true.
func (s *step) reported(report wire.Exited) (event.StepOutcome, bool) {
	outcome := event.StepOutcome{ExitCode: report.ExitCode}
	switch {
	case report.Cause == wire.CauseExit && report.ExitCode >= 0 && report.ExitCode <= 255:
		outcome.Reason = exitReason(report.ExitCode, s.spec.OnError)
	case report.Cause == wire.CauseStart && (report.ExitCode == exitNotExecutable || report.ExitCode == exitNotFound):
		outcome.Reason, outcome.Message = event.Error, clip(report.Message)
	case report.Cause == wire.CauseTimeout && s.spec.Timeout > 0:
		outcome = event.StepOutcome{ExitCode: exitTimeout, Reason: event.TimeoutExceeded, Message: "the step's timeout was exceeded"}
	case report.Cause == wire.CauseKill && s.task.ending != none:
		outcome = s.task.killed()
	case report.Cause == wire.CauseResults || report.Cause == wire.CauseTooLarge:
		outcome = event.StepOutcome{ExitCode: exitSkipped, Reason: event.Error, Message: clip(report.Message)}
	default:
		return event.StepOutcome{ExitCode: exitSkipped, Reason: event.Error, Message: messageSpeech}, false
	}
	return outcome, true
}

func exitReason(code int, onError program.OnError) event.StepReason {
	switch {
	case code == 0:
		return event.Completed
	case onError == program.Continue:
		return event.Continued
	}
	return event.Error
}

// clip shortens a message between characters.
func clip(message string) string {
	if len(message) <= longestMessage {
		return message
	}
	end := longestMessage
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return strings.ToValidUTF8(message[:end], "") + "…"
}

// files are the results that are read from files.
func (t *task) files() []program.StepResult {
	files := []program.StepResult{}
	for _, result := range t.spec.Results {
		if result.Value == nil {
			files = append(files, program.StepResult{Name: result.Name, Type: result.Type})
		}
	}
	return files
}

var errTooLarge = errors.New("larger than allowed")

// readAll reads the files' bytes that a shim sent, in the order in which it was asked for them.
func readAll(specs []program.StepResult, sent [][]byte, limit int64, left *int64) (map[string]value.Value, error) {
	if len(sent) != len(specs) && len(sent) != 0 {
		return nil, fmt.Errorf("%d results were sent, %d asked for", len(sent), len(specs))
	}
	values := map[string]value.Value{}
	var problem error
	for i, data := range sent {
		if data == nil {
			continue
		}
		v, err := value.OfFile(specs[i].Type, data)
		if int64(len(data)) > min(limit, *left) {
			err = errTooLarge
		}
		if err != nil {
			problem = fmt.Errorf("result %s: %w", specs[i].Name, err)
			continue
		}
		*left -= int64(len(data))
		values[specs[i].Name] = v
	}
	return values, problem
}
