package shim

import (
	"os"
	"strings"
	"syscall"
	"time"

	"waybill.dev/agent/internal/wire"
)

// Exit codes of a program that cannot be started, as shells have them.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// defaultPath is what container runtimes use where an image has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// noShebang is what Tekton puts before a script without an interpreter line.
const noShebang = "#!/bin/sh\nset -e\n"

type command struct {
	path string
	argv []string
	env  []string
	dir  string
	// script is the script's text with its interpreter line; empty for a program.
	script string
}

// prepare turns an order into a command: environment, working directory, script file, program file.
func (s *shim) prepare(order *wire.Exec) (command, *wire.Exited) {
	env := overlay(os.Environ(), order.Env)
	c := command{env: env.list()}
	if order.Dir != nil {
		dir, err := s.directory(*order.Dir)
		if err != nil {
			return c, cannot(exitNotExecutable, "working directory "+*order.Dir+": "+err.Error())
		}
		c.dir = dir
	}
	for _, word := range order.Argv {
		c.argv = append(c.argv, env.expand(word))
	}
	if order.Script != nil {
		c.script = *order.Script
		if !strings.HasPrefix(c.script, "#!") {
			c.script = noShebang + c.script
		}
		c.path = s.paths.Tekton + "/scripts/script"
		if err := s.writeScript(c.script); err != nil {
			return c, cannot(exitNotExecutable, "writing the script: "+err.Error())
		}
		c.argv = append([]string{c.path}, c.argv...)
		return c, nil
	}
	if len(c.argv) == 0 || c.argv[0] == "" {
		return c, cannot(exitNotFound, "the step has no program to run")
	}
	var exited *wire.Exited
	c.path, exited = find(c.argv[0], env.get("PATH", defaultPath), c.dir)
	return c, exited
}

// crowded is how long a step waits for a process id: another container of the pod may have used them up for a while.
const crowded = 30 * time.Second

// start runs a command. A file that exists but is not found by the kernel lacks its interpreter.
func start(c command) (*child, *wire.Exited) {
	started, err := spawn(c)
	for end := time.Now().Add(crowded); err == syscall.EAGAIN && time.Now().Before(end); started, err = spawn(c) {
		time.Sleep(100 * time.Millisecond)
	}
	switch {
	case err == nil:
		return started, nil
	case err == syscall.ENOENT && c.script != "":
		line, _, _ := strings.Cut(c.script, "\n")
		return nil, cannot(exitNotFound, "the image does not have the script's interpreter: "+line)
	case err == syscall.ENOENT:
		return nil, cannot(exitNotFound, c.argv[0]+": the program or its interpreter is not in the image")
	case err == syscall.E2BIG:
		return nil, cannot(exitNotExecutable, c.argv[0]+": arguments and environment are larger than the kernel allows")
	case err == syscall.EAGAIN:
		return nil, cannot(exitNotExecutable, c.argv[0]+": no process can be started: the process ids of the pod, or of this user, are used up")
	}
	return nil, cannot(exitNotExecutable, c.argv[0]+": "+err.Error())
}

func cannot(code int, message string) *wire.Exited {
	return &wire.Exited{Cause: wire.CauseStart, ExitCode: code, Message: message}
}

// directory is absolute, or relative to the workspace. One that does not exist is made, as Tekton does below the workspace
// and the container runtime elsewhere.
func (s *shim) directory(dir string) (string, error) {
	if !strings.HasPrefix(dir, "/") {
		dir = s.paths.Workspace + "/" + dir
	}
	return dir, os.MkdirAll(dir, 0o755)
}

func (s *shim) writeScript(text string) error {
	folder, err := enter(s.paths.Tekton + "/scripts")
	if err != nil {
		return err
	}
	defer folder.close()
	return folder.replace("script", text, 0o755)
}

// find looks a program up as execvp does: a name with a slash is a path, others are searched for in PATH.
func find(name, path, dir string) (string, *wire.Exited) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	denied := false
	for _, folder := range strings.Split(path, ":") {
		if folder == "" {
			folder = "."
		}
		candidate := folder + "/" + name
		seen := candidate
		if dir != "" && !strings.HasPrefix(candidate, "/") {
			seen = dir + "/" + candidate
		}
		info, err := os.Stat(seen)
		if err != nil || info.IsDir() {
			continue
		}
		if info.Mode()&0o111 != 0 {
			return candidate, nil
		}
		denied = true
	}
	if denied {
		return "", cannot(exitNotExecutable, name+": the file in PATH is not executable")
	}
	return "", cannot(exitNotFound, name+": no such program in PATH ("+path+")")
}
