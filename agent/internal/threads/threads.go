// Package threads keeps a program alive where no thread can be made any more: Go's runtime ends a program that cannot get
// the thread which it wants, and a step may use up all process ids of its pod, which its containers share.
package threads

import (
	"runtime"
	"syscall"
)

// Spare is how many goroutines may wait in the kernel at once without a new thread.
const Spare = 6

// Settle bounds how many threads the program wants, and makes them now: one runs Go, the spare ones may wait in the kernel.
// Go keeps a thread that it has made.
func Settle() error {
	runtime.GOMAXPROCS(1)
	return fill()
}

// fill lets as many goroutines wait in the kernel at once, each with a thread of its own.
func fill() error {
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC); err != nil {
		return err
	}
	defer syscall.Close(pipe[0])
	begun, ended := make(chan struct{}, Spare), make(chan struct{}, Spare)
	for range Spare {
		go func() {
			begun <- struct{}{}
			// Holds its thread until the other end is closed.
			_, _ = syscall.Read(pipe[0], make([]byte, 1))
			ended <- struct{}{}
		}()
	}
	// Where one thread runs Go, the next goroutine begins when the one before waits in the kernel.
	for range Spare {
		<-begun
	}
	syscall.Close(pipe[1])
	for range Spare {
		<-ended
	}
	return nil
}
