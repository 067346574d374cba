package shim

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// child is the step's program, the leader of its own process group.
type child struct {
	pid int
	// dead gives the ids of processes that ended and are not reaped yet; each must be reaped before the next comes.
	dead   chan int
	reaped chan struct{}
}

// spawn starts a program with the shim's own standard streams.
func spawn(c command) (*child, error) {
	pid, err := syscall.ForkExec(c.path, c.argv, &syscall.ProcAttr{
		Dir:   c.dir,
		Env:   c.env,
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return nil, err
	}
	started := &child{pid: pid, dead: make(chan int), reaped: make(chan struct{})}
	go started.listen()
	return started, nil
}

// listen waits for the end of any process, without reaping it: until then its id cannot become another's.
func (c *child) listen() {
	const pAll, wExited, wNoWait = 0, 4, 0x01000000
	for {
		var info [128]byte
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pAll, 0, uintptr(unsafe.Pointer(&info)), wExited|wNoWait, 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 {
			// There is no child any more.
			close(c.dead)
			return
		}
		// siginfo_t on 64-bit Linux: three ints, padding, then si_pid.
		c.dead <- int(*(*int32)(unsafe.Pointer(&info[16])))
		<-c.reaped
	}
}

func (c *child) reap(pid int) syscall.WaitStatus {
	var status syscall.WaitStatus
	_ = retry(func() error { _, err := syscall.Wait4(pid, &status, 0, nil); return err })
	c.reaped <- struct{}{}
	return status
}

// leftovers is how long killed processes may take to end.
const leftovers = time.Second

// clear reaps the program, which has ended, and ends what it left: nothing may outlive its step's turn, nor write into
// results while they are read. As PID 1 of its container the shim reaches all processes, also those that left the group.
func (c *child) clear() syscall.WaitStatus {
	c.kill()
	status := c.reap(c.pid)
	if os.Getpid() != 1 {
		return status
	}
	_ = syscall.Kill(-1, syscall.SIGKILL)
	for overdue := time.After(leftovers); ; {
		select {
		case pid, ok := <-c.dead:
			if !ok {
				return status
			}
			c.reap(pid)
		case <-overdue:
			return status
		}
	}
}

func (c *child) kill() { c.signal(syscall.SIGKILL) }

// signal goes to the whole group. The group exists as long as its leader is not reaped.
func (c *child) signal(number syscall.Signal) { _ = syscall.Kill(-c.pid, number) }
