// Package threads keeps a program alive where no thread can be made any more: Go's runtime ends a program that cannot get
// the thread which it wants, and a step may use up all process ids of its pod, which its containers share.
package threads

import (
	"runtime"
	"syscall"
)

// Settle bounds how many threads the program wants, and makes them now: one runs Go, and as many goroutines as waiting says
// may wait in the kernel at once. Go keeps a thread that it has made. Each counts against the pod's limit.
func Settle(waiting int) error {
	runtime.GOMAXPROCS(1)
	return fill(waiting)
}

// fill lets so many goroutines wait in the kernel at once.
func fill(waiting int) error {
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC); err != nil {
		return err
	}
	defer syscall.Close(pipe[0])
	begun, ended := make(chan struct{}, waiting), make(chan struct{}, waiting)
	for range waiting {
		go func() {
			begun <- struct{}{}
			// Holds its thread until the other end is closed.
			_, _ = syscall.Read(pipe[0], make([]byte, 1))
			ended <- struct{}{}
		}()
	}
	// Where one thread runs Go, the next goroutine begins when the one before waits in the kernel.
	for range waiting {
		<-begun
	}
	syscall.Close(pipe[1])
	for range waiting {
		<-ended
	}
	return nil
}
