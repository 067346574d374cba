// Package supervisor is the first container of a pod: it executes the pod's program by way of the shims, and says on
// standard output what happens.
package supervisor

import (
	"fmt"
	"io"
	"os"
	"time"

	"waybill.dev/agent/internal/downward"
	"waybill.dev/agent/internal/event"
	"waybill.dev/agent/internal/program"
	"waybill.dev/agent/internal/run"
	"waybill.dev/agent/internal/wire"
)

// DrainAnnotation on the pod, with the value "true", stops further tasks from starting.
const DrainAnnotation = "waybill.dev/drain"

// grace is how long killed steps may take after SIGTERM before the supervisor closes without them.
const grace = 5 * time.Second

// Supervisor owns the state; everything else happens in goroutines that put into its channels.
type Supervisor struct {
	program *program.Program
	run     *run.Run
	out     *event.Encoder
	links   map[int]*link
	inbox   chan message
	expired chan int
	drain   chan struct{}
	pulse   *time.Timer
	failed  error
	closed  bool
}

// New returns a supervisor that writes events to out; version is the agent's, for its hello.
func New(p *program.Program, out io.Writer, version string) *Supervisor {
	s := &Supervisor{
		program: p,
		out:     event.NewEncoder(out),
		links:   map[int]*link{},
		inbox:   make(chan message, 64),
		expired: make(chan int, len(p.Tasks)),
		drain:   make(chan struct{}, 1),
		pulse:   time.NewTimer(time.Duration(p.Heartbeat) * time.Millisecond),
	}
	s.run = run.New(p, s, time.Now)
	s.Emit(time.Now(), event.Hello{Protocol: event.Protocol, Agent: version, Run: p.Run, Group: p.Group, Attempt: p.Attempt})
	return s
}

// Execute makes the folders, listens, says that it is ready, and works until every task has its outcome and every shim
// has its orders. Terminate cancels. It returns the process's exit code: 1 if a task failed.
func (s *Supervisor) Execute(paths Paths, terminate <-chan os.Signal) (int, error) {
	if err := s.open(paths); err != nil {
		return 0, err
	}
	if err := downward.Watch(paths.Downward(), s.annotated); err != nil {
		return 0, fmt.Errorf("watching the annotations: %w", err)
	}
	ready, err := announce(paths.Ready())
	if err != nil {
		return 0, err
	}
	defer ready.Close()
	s.Loop(terminate, func() { s.conclude(paths.Termination()) })
	flush(s.links)
	if s.failed != nil {
		return 0, s.failed
	}
	if s.run.Failed() {
		return 1, nil
	}
	return 0, nil
}

// open makes folders and sockets, and lets each socket be served.
func (s *Supervisor) open(paths Paths) error {
	if err := paths.prepare(s.program.Tasks); err != nil {
		return err
	}
	for _, task := range s.program.Tasks {
		for _, step := range task.Steps {
			l, err := listen(paths, step.Socket)
			if err != nil {
				return err
			}
			s.links[step.Socket] = l
		}
	}
	for _, l := range s.links {
		go l.serve(s.inbox)
	}
	return nil
}

// Loop is where all state changes: one event after the other. closed is called when every task has its outcome.
func (s *Supervisor) Loop(terminate <-chan os.Signal, closed func()) {
	var overdue <-chan time.Time
	terminated := false
	s.run.Begin()
	for {
		if s.failed == nil && s.closed && closed != nil {
			closed()
			closed = nil
		}
		if s.failed != nil || s.closed && (terminated || s.run.Told()) {
			return
		}
		select {
		case m := <-s.inbox:
			s.deliver(m)
		case task := <-s.expired:
			s.run.Expired(task)
		case <-s.drain:
			s.run.Drain()
		case <-s.pulse.C:
			if !s.closed {
				s.Emit(time.Now(), event.Heartbeat{})
			}
		case <-terminate:
			terminated = true
			overdue = time.After(grace)
			s.run.Cancel()
		case <-overdue:
			s.run.Abandon()
		}
	}
}

func (s *Supervisor) deliver(m message) {
	switch {
	case m.connected != nil:
		s.links[m.socket].conn = m.connected
		s.run.Connected(m.socket)
	case m.lost != nil:
		s.run.Lost(m.socket, m.lost.Error())
	case m.started:
		s.run.Started(m.socket)
	case m.exited != nil:
		s.run.Exited(m.socket, *m.exited)
	}
}

func (s *Supervisor) annotated(annotations map[string]string) {
	if annotations[DrainAnnotation] != "true" {
		return
	}
	select {
	case s.drain <- struct{}{}:
	default:
	}
}

// conclude leaves the outcomes where the kubelet finds them. They are a fallback: a runtime without such a file (it cannot
// be made by this user) costs nothing but a word on standard error.
func (s *Supervisor) conclude(path string) {
	containers := 1
	for _, task := range s.program.Tasks {
		containers += len(task.Steps)
	}
	message, err := event.Termination(s.run.Snapshot(), containers)
	if err == nil {
		err = os.WriteFile(path, message, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "waybill: no termination message:", err)
	}
}

// Send, Arm and Emit are the run's effects.
func (s *Supervisor) Send(socket int, order wire.Order) {
	// Nothing may happen that nobody could read of: a driver takes a task that no event names for one that has not started.
	if s.failed == nil {
		s.links[socket].send(order)
	}
}

func (s *Supervisor) Arm(task int, after time.Duration) {
	time.AfterFunc(after, func() { s.expired <- task })
}

func (s *Supervisor) Emit(at time.Time, body event.Body) {
	if err := s.out.Write(at, body); err != nil && s.failed == nil {
		s.failed = fmt.Errorf("writing an event: %w", err)
	}
	if _, last := body.(event.Closing); last {
		s.closed = true
	}
	s.pulse.Reset(time.Duration(s.program.Heartbeat) * time.Millisecond)
}
