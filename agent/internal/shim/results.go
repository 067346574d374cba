package shim

import (
	"errors"
	"io"
	"strconv"
	"syscall"

	"waybill.dev/agent/internal/value"
	"waybill.dev/agent/internal/wire"
)

var errTooLarge = errors.New("larger than allowed")

// record writes the exit code for later steps and takes the results, also of a step that failed. A result that cannot be
// taken fails a step that ended well (or may go on); it never hides a failure.
func (s *shim) record(order *wire.Exec, exited *wire.Exited) {
	own := "step-" + order.Step
	if exited.Cause == wire.CauseExit {
		// Best effort, as in Tekton: a step may have made its folder unwritable.
		if folder, err := enter(s.paths.Tekton+"/steps", own); err == nil {
			_ = folder.replace("exitCode", strconv.Itoa(exited.ExitCode), 0o644)
			folder.close()
		}
	}
	left := order.Limits.Total
	var first, second error
	exited.StepResults, first = take(order.StepResults, order.Limits.Result, &left, s.paths.Tekton+"/steps", own, "results")
	exited.TaskResults, second = take(order.TaskResults, order.Limits.Result, &left, s.paths.Tekton+"/results")
	problem := graver(first, second)
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

// graver is the problem to tell of: the first, but for one that is too large.
func graver(first, second error) error {
	if first == nil || errors.Is(second, errTooLarge) && !errors.Is(first, errTooLarge) {
		return second
	}
	return first
}

// take reads the files of the results that exist, and says what was wrong with one that could not be taken.
func take(specs []wire.Result, limit int64, left *int64, mount string, below ...string) ([][]byte, error) {
	if len(specs) == 0 {
		return nil, nil
	}
	taken := make([][]byte, len(specs))
	folder, err := enter(mount, below...)
	if errors.Is(err, syscall.ENOENT) {
		return taken, nil
	}
	if err != nil {
		return taken, errors.New("the folder of results: " + err.Error())
	}
	defer folder.close()
	var problem error
	for i, spec := range specs {
		data, err := folder.read(spec.Name, min(limit, *left))
		if errors.Is(err, syscall.ENOENT) {
			continue
		}
		if err == nil {
			_, err = value.OfFile(spec.Type, data)
		}
		if err != nil {
			problem = graver(problem, &resultError{spec.Name, err})
			continue
		}
		taken[i] = data
		*left -= int64(len(data))
	}
	return taken, problem
}

type resultError struct {
	name  string
	cause error
}

func (e *resultError) Error() string { return "result " + e.name + ": " + e.cause.Error() }
func (e *resultError) Unwrap() error { return e.cause }

// read takes one file: a regular one, by no link, within the limit. It is never nil without an error.
func (f folder) read(name string, limit int64) ([]byte, error) {
	file, err := f.open(name)
	if errors.Is(err, syscall.ELOOP) {
		return nil, errors.New("is a symbolic link")
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is no regular file")
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, errTooLarge
	}
	return data, nil
}
