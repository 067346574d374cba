// Command supervisor is the first container of a pod (`supervisor run`) and that container's postStart hook
// (`supervisor ready`). A second argument names a root folder, for tests.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"waybill.dev/agent/internal/program"
	"waybill.dev/agent/internal/supervisor"
	"waybill.dev/agent/internal/threads"
)

// version of the agent, in its hello.
const version = "0.1.0"

// exitBroken: the supervisor itself could not work; no task's outcome follows from it.
const exitBroken = 2

const readyLimit = 30 * time.Second

func main() {
	os.Exit(act(os.Args[1:]))
}

func act(args []string) int {
	verb, root := "", "/"
	if len(args) > 0 {
		verb = args[0]
	}
	if len(args) > 1 {
		root = args[1]
	}
	paths := supervisor.Under(root)
	switch verb {
	case "run":
		code, err := execute(paths)
		if err != nil {
			return fail(err, paths)
		}
		return code
	case "ready":
		if err := supervisor.AwaitReady(paths, readyLimit); err != nil {
			fmt.Fprintln(os.Stderr, "waybill:", err)
			return exitBroken
		}
		return 0
	case "version":
		fmt.Println(version)
		return 0
	}
	fmt.Fprintln(os.Stderr, "usage: supervisor run|ready|version")
	return exitBroken
}

func execute(paths supervisor.Paths) (int, error) {
	// Before anything else: a signal to PID 1 without a handler is ignored by the kernel.
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM, syscall.SIGINT)
	// A debugger that somebody put beside it may not read the program from its memory or environment.
	_, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0, 0, 0, 0)
	// The annotations' watcher, a line that is written, a folder that is made, and more for what Go itself does.
	if err := threads.Settle(6); err != nil {
		return 0, err
	}
	text, err := readProgram()
	if err != nil {
		return 0, err
	}
	p, err := program.Parse(text)
	if err != nil {
		return 0, err
	}
	return supervisor.New(p, os.Stdout, version).Execute(paths, terminate)
}

func readProgram() ([]byte, error) {
	if text := os.Getenv("WAYBILL_PROGRAM"); text != "" {
		return []byte(text), nil
	}
	path := os.Getenv("WAYBILL_PROGRAM_FILE")
	if path == "" {
		return nil, fmt.Errorf("neither WAYBILL_PROGRAM nor WAYBILL_PROGRAM_FILE is set")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, program.MaxSize+1))
}

// fail says why there is no program to execute, where a driver without the log finds it too.
func fail(err error, paths supervisor.Paths) int {
	message := "waybill: " + err.Error()
	fmt.Fprintln(os.Stderr, message)
	_ = os.WriteFile(paths.Termination(), []byte(message), 0o644)
	return exitBroken
}
