// Package run is the supervisor's decisions: a state machine over a program. What happened goes in through methods, what
// to do comes out through Effects. It knows no socket, process or timer, and is not safe for concurrent use.
package run

import (
	"time"

	"waybill.dev/agent/internal/event"
	"waybill.dev/agent/internal/program"
	"waybill.dev/agent/internal/value"
	"waybill.dev/agent/internal/wire"
)

// Effects is what a Run makes happen. None of them may call back into the Run.
type Effects interface {
	// Send gives an order to the shim of a socket. It is connected, or the order is lost and Lost follows.
	Send(socket int, order wire.Order)
	// Arm makes Expired(task) happen after a while. Tasks are indices into the program.
	Arm(task int, after time.Duration)
	// Emit says an event.
	Emit(at time.Time, body event.Body)
}

// Exit codes of steps that did not end by themselves, as Tekton's entrypoint has them, or did not begin, as shells have them.
const (
	exitNotExecutable = 126
	exitNotFound      = 127

	exitSkipped   = 1
	exitTimeout   = 1
	exitCancelled = 9
	exitLost      = 137
)

// patience is how long a killed step may take to end before its shim is given up.
const patience = 10 * time.Second

type stepPhase int

const (
	// waiting: its turn has not come.
	waiting stepPhase = iota
	// due: its turn has come, its shim has not connected.
	due
	// running: the order was given.
	running
	// finished: the outcome is final.
	finished
)

type step struct {
	spec      *program.Step
	task      *task
	index     int
	phase     stepPhase
	connected bool
	// lost: the shim went away before its turn, and why.
	lost string
	// ordered: the shim was told to run.
	ordered bool
	// told: the shim has ended, or was told to.
	told                  bool
	startedAt, finishedAt time.Time
	outcome               event.StepOutcome
}

type taskPhase int

const (
	pending taskPhase = iota
	active
	done
)

// ending is why an active task is being brought to its end from outside.
type ending int

const (
	none ending = iota
	byTimeout
	byCancel
)

type task struct {
	spec                  *program.Task
	index                 int
	phase                 taskPhase
	ending                ending
	steps                 []*step
	startedAt, finishedAt time.Time
	// taken are the task's result files as its steps left them.
	taken map[string]value.Value
	// kept is how many bytes of results the task has taken of Run.room.
	kept int64
	// tooLarge: a result was beyond its limit.
	tooLarge bool
	outcome  event.TaskOutcome
}

// Run is the state of one pod's program.
type Run struct {
	program *program.Program
	fx      Effects
	now     func() time.Time
	tasks   []*task
	byID    map[int]*task
	sockets map[int]*step
	// stopping: no further task starts.
	stopping bool
	// room is what is left of Limits.Results.
	room   int64
	closed bool
}

// New returns a run where nothing has started.
func New(p *program.Program, fx Effects, now func() time.Time) *Run {
	r := &Run{program: p, fx: fx, now: now, byID: map[int]*task{}, sockets: map[int]*step{}, room: p.Limits.Results}
	for i := range p.Tasks {
		t := &task{spec: &p.Tasks[i], index: i}
		for j := range t.spec.Steps {
			s := &step{spec: &t.spec.Steps[j], task: t, index: j}
			t.steps = append(t.steps, s)
			r.sockets[s.spec.Socket] = s
		}
		r.tasks = append(r.tasks, t)
		r.byID[t.spec.ID] = t
	}
	return r
}

// Begin starts what can start.
func (r *Run) Begin() { r.settle() }

// Connected says that the shim of a socket waits for its orders.
func (r *Run) Connected(socket int) {
	s := r.sockets[socket]
	s.connected = true
	switch {
	case s.phase == finished || s.task.phase == done:
		r.dismiss(s)
	case s.phase == due:
		r.order(s)
		r.settle()
	}
}

// Started says that a step's program runs.
func (r *Run) Started(socket int) {
	s := r.sockets[socket]
	if s.phase != running || !s.startedAt.IsZero() {
		return
	}
	s.startedAt = r.now()
	r.fx.Emit(s.startedAt, event.StepStarted{Task: s.task.spec.ID, Step: s.index})
}

// Exited says how a step ended.
func (r *Run) Exited(socket int, report wire.Exited) {
	s := r.sockets[socket]
	if s.phase != running {
		r.Lost(socket, messageSpeech)
		return
	}
	s.told = true
	r.take(s, report)
	r.settle()
}

// Lost says that a shim's connection ended without Exited.
func (r *Run) Lost(socket int, why string) {
	s := r.sockets[socket]
	s.told = true
	switch s.phase {
	case running:
		r.endStep(s, r.lostOutcome(s, why))
		r.settle()
	case due:
		r.endStep(s, event.StepOutcome{ExitCode: exitLost, Reason: event.Error, Message: why})
		r.settle()
	case waiting:
		s.lost = why
	case finished:
	}
}

// Expired says that a task's armed time is over: first its timeout, then the patience with its killed step.
func (r *Run) Expired(index int) {
	t := r.tasks[index]
	if t.phase != active {
		return
	}
	if t.ending == none {
		r.end(t, byTimeout)
	} else if s := t.current(); s != nil && s.phase == running {
		s.told = true
		r.endStep(s, r.lostOutcome(s, "the step did not end after SIGKILL"))
	}
	r.settle()
}

// Drain: no further task starts; running ones go on.
func (r *Run) Drain() {
	r.stopping = true
	r.settle()
}

// Cancel kills what runs and starts nothing more.
func (r *Run) Cancel() {
	r.stopping = true
	for _, t := range r.tasks {
		if t.phase == active && t.ending == none {
			r.end(t, byCancel)
		}
	}
	r.settle()
}

// Abandon gives up the steps that were killed and have not ended.
func (r *Run) Abandon() {
	for _, t := range r.tasks {
		if t.phase == active {
			r.Expired(t.index)
		}
	}
}

// Done says that every task has its outcome.
func (r *Run) Done() bool {
	for _, t := range r.tasks {
		if t.phase != done {
			return false
		}
	}
	return true
}

// Told says that every shim has ended or been told to: nobody will ask for the supervisor again.
func (r *Run) Told() bool {
	for _, s := range r.sockets {
		if !s.told {
			return false
		}
	}
	return true
}

// Failed says that a task failed, whatever follows from it.
func (r *Run) Failed() bool {
	for _, t := range r.tasks {
		if t.outcome.Outcome == event.TaskFailed {
			return true
		}
	}
	return false
}

// Snapshot is every task that is done, for the closing event.
func (r *Run) Snapshot() []event.SnapshotTask {
	all := []event.SnapshotTask{}
	for _, t := range r.tasks {
		if t.phase != done {
			continue
		}
		one := event.SnapshotTask{Task: t.spec.ID, TaskOutcome: t.outcome, FinishedAt: event.Stamp(t.finishedAt), Steps: []event.SnapshotStep{}}
		if !t.startedAt.IsZero() {
			one.StartedAt = event.Stamp(t.startedAt)
			for _, s := range t.steps {
				one.Steps = append(one.Steps, s.snapshot())
			}
		}
		all = append(all, one)
	}
	return all
}

func (s *step) snapshot() event.SnapshotStep {
	one := event.SnapshotStep{StepOutcome: s.outcome, FinishedAt: event.Stamp(s.finishedAt)}
	if !s.startedAt.IsZero() {
		one.StartedAt = event.Stamp(s.startedAt)
	}
	return one
}

// current is the step whose turn it is.
func (t *task) current() *step {
	for _, s := range t.steps {
		if s.phase != finished {
			return s
		}
	}
	return nil
}

// dismiss ends a shim that has nothing to run, if it is there; else it is called again when the shim connects.
func (r *Run) dismiss(s *step) {
	if s.told || s.ordered || !s.connected {
		return
	}
	s.told = true
	code := 0
	if s.phase == finished {
		code = s.outcome.ExitCode
	}
	r.fx.Send(s.spec.Socket, wire.Order{Skip: &wire.Skip{ExitCode: code}})
}
