package shim

import (
	"errors"
	"io"
	"os"
	"strconv"
	"syscall"
	"unicode/utf8"

	"waybill.dev/agent/internal/value"
	"waybill.dev/agent/internal/wire"
)

var errTooLarge = errors.New("larger than allowed")

// record writes the exit code for later steps and takes the results, also of a step that failed. A result that cannot be
// taken fails a step that ended well (or may go on); it never hides a failure.
func (s *shim) record(order *wire.Exec, exited *wire.Exited) {
	folder := s.paths.Tekton + "/steps/step-" + order.Step
	if exited.Cause == wire.CauseExit {
		// Best effort, as in Tekton: a step may have made its folder unwritable.
		_ = replace(folder+"/exitCode", strconv.Itoa(exited.ExitCode))
	}
	left := order.Limits.Total
	var problem error
	exited.StepResults, problem = take(folder+"/results/", order.StepResults, order.Limits.Result, &left)
	results, other := take(s.paths.Tekton+"/results/", order.TaskResults, order.Limits.Result, &left)
	exited.TaskResults = results
	if problem == nil || other != nil && errors.Is(other, errTooLarge) {
		problem = other
	}
	if problem == nil || exited.Cause != wire.CauseExit || exited.ExitCode != 0 && !order.Continue {
		return
	}
	exited.Cause = wire.CauseResults
	if errors.Is(problem, errTooLarge) {
		exited.Cause = wire.CauseTooLarge
	}
	exited.ExitCode = 1
	exited.Signal = 0
	exited.Message = problem.Error()
}

// replace writes a new file in the place of whatever is there, and follows no link.
func replace(path, text string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(text)
	return err
}

// take reads the results that exist, and says what was wrong with the first that could not be taken.
func take(folder string, specs []wire.Result, limit int64, left *int64) (map[string]value.Value, error) {
	var results map[string]value.Value
	var first error
	for _, spec := range specs {
		v, err := readResult(folder+spec.Name, spec.Type, min(limit, *left))
		if errors.Is(err, syscall.ENOENT) {
			continue
		}
		if err != nil {
			if first == nil || errors.Is(err, errTooLarge) && !errors.Is(first, errTooLarge) {
				first = &resultError{spec.Name, err}
			}
			continue
		}
		if results == nil {
			results = map[string]value.Value{}
		}
		results[spec.Name] = v
		*left -= int64(v.Size())
	}
	return results, first
}

type resultError struct {
	name  string
	cause error
}

func (e *resultError) Error() string { return "result " + e.name + ": " + e.cause.Error() }
func (e *resultError) Unwrap() error { return e.cause }

// readResult takes one file: a regular one, by no link, within the limit, and of the declared type.
func readResult(path string, t value.Type, limit int64) (value.Value, error) {
	// Not blocking, for a FIFO has no end.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return value.Value{}, errors.New("is a symbolic link")
	}
	if err != nil {
		return value.Value{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return value.Value{}, err
	}
	if !info.Mode().IsRegular() {
		return value.Value{}, errors.New("is no regular file")
	}
	bytes, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return value.Value{}, err
	}
	if int64(len(bytes)) > limit {
		return value.Value{}, errTooLarge
	}
	if t == value.String {
		// As in Tekton, where Go's JSON does it: every byte that is no UTF-8 becomes U+FFFD.
		return value.OfText(string([]rune(string(bytes)))), nil
	}
	if !utf8.Valid(bytes) {
		return value.Value{}, errors.New("is not UTF-8")
	}
	return value.Parse(t, bytes)
}
