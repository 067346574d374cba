// Package shim is the command of every step container: it waits for its orders on a Unix socket, runs the step, reaps
// what the step leaves behind, and reports. Standard library only, and little of it: the binary is copied for each pod.
package shim

import (
	"errors"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"waybill.dev/agent/internal/threads"
	"waybill.dev/agent/internal/wire"
)

// exitBroken is the container's exit code where the supervisor cannot be reached, is lost, or speaks another protocol.
const exitBroken = 125

// Paths of a step container.
type Paths struct{ Socket, Tekton, Workspace string }

// Under returns the paths below a root; "/" in a container, a folder in tests.
func Under(root string) Paths {
	if root == "/" {
		root = ""
	}
	return Paths{Socket: root + "/waybill/run/sock", Tekton: root + "/tekton", Workspace: root + "/workspace"}
}

var forwarded = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGQUIT}

// deadly signals would end a Go program that does not want to know of them. Only a step can send them to its shim.
var deadly = []os.Signal{
	syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGPIPE,
	syscall.SIGALRM, syscall.SIGSTKFLT, syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGVTALRM, syscall.SIGPROF, syscall.SIGIO,
	syscall.SIGPWR, syscall.SIGSYS,
}

type shim struct {
	paths      Paths
	supervisor *os.File
	orders     <-chan wire.Order
	lost       <-chan error
	signals    chan os.Signal
}

// Run is the shim's whole life; it returns the process's exit code.
func Run(paths Paths) int {
	s := shim{paths: paths, signals: make(chan os.Signal, 16)}
	// Before anything else: a signal to PID 1 without a handler is ignored by the kernel.
	signal.Notify(s.signals, forwarded...)
	signal.Notify(make(chan os.Signal), deadly...)
	// As PID 1 the shim is given orphans anyway; elsewhere (a shared process namespace) it asks for them.
	_, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0, 0, 0, 0)
	// The step, a process of the same user, may not trace the shim, read its memory or take its connection.
	_, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0, 0, 0, 0)
	// The connection's reader, the wait for children, a file that is read, and one more.
	if err := threads.Settle(4); err != nil {
		return broken(err)
	}
	if err := s.connect(); err != nil {
		return broken(err)
	}
	for {
		select {
		case order := <-s.orders:
			switch {
			case order.Exec != nil:
				return s.exec(order.Exec)
			case order.Skip != nil:
				return order.Skip.ExitCode
			case order.Kill != nil:
				return order.Kill.ExitCode
			default:
				return broken(errors.New("the supervisor sent an order that this shim does not know"))
			}
		case err := <-s.lost:
			return broken(err)
		case received := <-s.signals:
			number := received.(syscall.Signal)
			if number != syscall.SIGUSR1 && number != syscall.SIGUSR2 {
				return 128 + int(number)
			}
		}
	}
}

const prSetChildSubreaper = 36

// connect shakes hands, then reads orders until the connection ends.
func (s *shim) connect() error {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := retry(func() error { return syscall.Connect(fd, &syscall.SockaddrUnix{Name: s.paths.Socket}) }); err != nil {
		return errors.New("no supervisor: connect " + s.paths.Socket + ": " + err.Error())
	}
	s.supervisor = os.NewFile(uintptr(fd), s.paths.Socket)
	if err := wire.Write(s.supervisor, wire.MaxHello, wire.Hello{Protocol: wire.Protocol}); err != nil {
		return err
	}
	var hello wire.Hello
	if err := wire.Read(s.supervisor, wire.MaxHello, &hello); err != nil {
		return err
	}
	if hello.Protocol != wire.Protocol {
		return errors.New("the supervisor speaks protocol " + strconv.Itoa(hello.Protocol) + ", this shim speaks " + strconv.Itoa(wire.Protocol))
	}
	orders, lost := make(chan wire.Order), make(chan error, 1)
	s.orders, s.lost = orders, lost
	go func() {
		for {
			var order wire.Order
			if err := wire.Read(s.supervisor, wire.MaxOrder, &order); err != nil {
				lost <- errors.New("the supervisor is lost: " + err.Error())
				return
			}
			orders <- order
		}
	}()
	return nil
}

// exec runs one step to its end and reports it.
func (s *shim) exec(order *wire.Exec) int {
	exited := s.step(order)
	if exited == nil {
		return exitBroken
	}
	if exited.Cause == wire.CauseStart || exited.Cause == wire.CauseResults || exited.Cause == wire.CauseTooLarge {
		complain(exited.Message)
	}
	if err := wire.Write(s.supervisor, wire.MaxReport, wire.Report{Exited: exited}); err != nil {
		return broken(err)
	}
	if exited.Cause == wire.CauseExit && order.Continue {
		return 0
	}
	return exited.ExitCode
}

// step returns nil where the supervisor was lost.
func (s *shim) step(order *wire.Exec) *wire.Exited {
	command, exited := s.prepare(order)
	if exited != nil {
		return exited
	}
	child, exited := start(command)
	if exited != nil {
		return exited
	}
	if err := wire.Write(s.supervisor, wire.MaxReport, wire.Report{Started: &wire.Started{Pid: child.pid}}); err != nil {
		child.kill()
	}
	exited = s.watch(child, order)
	if exited == nil {
		return nil
	}
	s.record(order, exited)
	return exited
}

// stubborn is how long a killed step may take to end. One that runs as another user (setuid) cannot be killed by the shim; it
// ends with its container, when the shim does.
const stubborn = 3 * time.Second

// watch waits for the step's program. All signals and reaping happen here, in one goroutine, so that a process id is
// never used after it was reaped.
func (s *shim) watch(child *child, order *wire.Exec) *wire.Exited {
	var timeout, overdue <-chan time.Time
	if order.Timeout > 0 {
		timeout = time.After(time.Duration(order.Timeout) * time.Millisecond)
	}
	var ended *wire.Exited
	lost := false
	kill := func(why *wire.Exited) {
		if ended == nil {
			ended = why
		}
		child.kill()
		if overdue == nil {
			overdue = time.After(stubborn)
		}
	}
	for {
		select {
		case pid := <-child.dead:
			if pid != child.pid {
				child.reap(pid)
				continue
			}
			status := child.clear()
			if lost {
				return nil
			}
			if ended != nil {
				return ended
			}
			return exitOf(status)
		case received := <-s.signals:
			child.signal(received.(syscall.Signal))
		case <-timeout:
			kill(&wire.Exited{Cause: wire.CauseTimeout, ExitCode: 1, Message: "the step's timeout was exceeded"})
		case order := <-s.orders:
			if order.Kill != nil {
				kill(&wire.Exited{Cause: wire.CauseKill, ExitCode: order.Kill.ExitCode, Message: "the step was killed"})
			}
		case err := <-s.lost:
			complain(err.Error())
			lost = true
			kill(nil)
		case <-overdue:
			if lost {
				return nil
			}
			return ended
		}
	}
}

func exitOf(status syscall.WaitStatus) *wire.Exited {
	if status.Signaled() {
		return &wire.Exited{Cause: wire.CauseExit, ExitCode: 128 + int(status.Signal()), Signal: int(status.Signal())}
	}
	return &wire.Exited{Cause: wire.CauseExit, ExitCode: status.ExitStatus()}
}

func broken(err error) int {
	complain(err.Error())
	return exitBroken
}

// complain is the only thing that the shim itself writes into the step's log.
func complain(message string) { _, _ = os.Stderr.WriteString("waybill: " + message + "\n") }

// retry repeats a system call that a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}
