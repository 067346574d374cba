// Package endtoend runs both binaries as a pod does, in a folder: real processes, sockets, signals and files.
package endtoend

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"waybill.dev/agent/internal/program"
	// What the binaries are built from: go test would take an old result for a new one without these.
	_ "waybill.dev/agent/internal/shim"
	_ "waybill.dev/agent/internal/supervisor"
	"waybill.dev/agent/internal/value"
)

var binaries string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "wb-bin")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(folder)
		binaries = folder
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -buildid=", "-o", folder, "waybill.dev/agent/cmd/supervisor", "waybill.dev/agent/cmd/shim")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			panic(string(out))
		}
		return m.Run()
	}())
}

func TestShimIsSmall(t *testing.T) {
	info, err := os.Stat(filepath.Join(binaries, "shim"))
	if err != nil || info.Size() > 3<<20 {
		t.Fatalf("%v, %v", info, err)
	}
}

type heard = map[string]any

// pod is one supervisor, with containers started by the test.
type pod struct {
	t          *testing.T
	root       string
	program    *program.Program
	supervisor *exec.Cmd
	stderr     bytes.Buffer
	lock       sync.Mutex
	changed    *sync.Cond
	events     []heard
	ended      bool
}

// container is one step's shim.
type container struct {
	root    string
	process *exec.Cmd
	out     bytes.Buffer
	err     bytes.Buffer
}

func startPod(t *testing.T, tasks ...program.Task) *pod {
	t.Helper()
	return start(t, &program.Program{
		Version: 1, Run: "uid", Group: 0, Attempt: 1, Heartbeat: 20000,
		Limits: program.Limits{Result: 64 << 10, Results: 1 << 20}, Tasks: tasks,
	})
}

func start(t *testing.T, p *program.Program) *pod {
	t.Helper()
	root, err := os.MkdirTemp("", "wb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	for _, folder := range []string{"waybill/bin", "waybill/run", "waybill/tasks", "waybill/downward", "dev"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, filepath.Join(binaries, "shim"), filepath.Join(root, "shim"))
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	one := &pod{t: t, root: root, program: p}
	one.changed = sync.NewCond(&one.lock)
	one.supervisor = exec.Command(filepath.Join(binaries, "supervisor"), "run", root)
	one.supervisor.Env = append(os.Environ(), "WAYBILL_PROGRAM="+string(text))
	one.supervisor.Stderr = &one.stderr
	stdout, err := one.supervisor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// The hook may run before the supervisor.
	hook := exec.Command(filepath.Join(binaries, "supervisor"), "ready", root)
	if err := hook.Start(); err != nil {
		t.Fatal(err)
	}
	if err := one.supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { one.supervisor.Process.Kill() })
	go one.listen(stdout)
	if err := hook.Wait(); err != nil {
		t.Fatalf("ready: %v; %s", err, one.stderr.String())
	}
	return one
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (p *pod) listen(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		event := heard{}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			event = heard{"type": "garbage", "line": lines.Text()}
		}
		p.lock.Lock()
		p.events = append(p.events, event)
		p.changed.Broadcast()
		p.lock.Unlock()
	}
	p.lock.Lock()
	p.ended = true
	p.changed.Broadcast()
	p.lock.Unlock()
}

// until waits for an event.
func (p *pod) until(kind string, task int) heard {
	p.t.Helper()
	guard := time.AfterFunc(20*time.Second, func() { p.supervisor.Process.Kill() })
	defer guard.Stop()
	p.lock.Lock()
	defer p.lock.Unlock()
	for seen := 0; ; {
		for ; seen < len(p.events); seen++ {
			event := p.events[seen]
			if event["type"] == kind && (task < 0 || event["task"] == float64(task)) {
				return event
			}
		}
		if p.ended {
			p.t.Fatalf("no %s of task %d in %v; %s", kind, task, p.events, p.stderr.String())
		}
		p.changed.Wait()
	}
}

// container starts the shim of a step, with the folders that the pod spec mounts.
func (p *pod) container(socket int) *container {
	p.t.Helper()
	for _, task := range p.program.Tasks {
		for index, step := range task.Steps {
			if step.Socket != socket {
				continue
			}
			c := &container{root: filepath.Join(p.root, fmt.Sprintf("c%d", socket))}
			own := filepath.Join(p.root, "waybill/tasks", fmt.Sprintf("t%d", task.ID))
			for at, target := range map[string]string{
				"waybill/run":    filepath.Join(p.root, "waybill/run", fmt.Sprintf("s%d", socket)),
				"workspace":      own + "/workspace",
				"tekton/home":    own + "/home",
				"tekton/results": own + "/results",
				"tekton/steps":   own + "/steps",
				"tekton/scripts": fmt.Sprintf("%s/scripts/%d", own, index),
			} {
				at = filepath.Join(c.root, at)
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					p.t.Fatal(err)
				}
				info, err := os.Stat(target)
				if err != nil || info.Mode().Perm() != 0o777 {
					p.t.Fatalf("%s: %v %v", target, info, err)
				}
				if err := os.Symlink(target, at); err != nil {
					p.t.Fatal(err)
				}
			}
			c.process = exec.Command(filepath.Join(p.root, "waybill/bin/shim"), c.root)
			c.process.Env = append(os.Environ(), "R="+c.root+"/tekton/results", "S="+c.root+"/tekton/steps")
			c.process.Stdout, c.process.Stderr = &c.out, &c.err
			c.process.WaitDelay = 5 * time.Second
			if err := c.process.Start(); err != nil {
				p.t.Fatal(err)
			}
			p.t.Cleanup(func() { c.process.Process.Kill() })
			return c
		}
	}
	p.t.Fatalf("no step with socket %d", socket)
	return nil
}

func (p *pod) containers() map[int]*container {
	all := map[int]*container{}
	for _, task := range p.program.Tasks {
		for _, step := range task.Steps {
			all[step.Socket] = p.container(step.Socket)
		}
	}
	return all
}

func code(t *testing.T, process *exec.Cmd) int {
	t.Helper()
	guard := time.AfterFunc(20*time.Second, func() { process.Process.Signal(syscall.SIGQUIT) })
	defer guard.Stop()
	_ = process.Wait()
	return process.ProcessState.ExitCode()
}

// wait reads all events first: the end of the process closes their pipe.
func (p *pod) wait() int {
	p.t.Helper()
	p.lock.Lock()
	for !p.ended {
		p.changed.Wait()
	}
	p.lock.Unlock()
	return code(p.t, p.supervisor)
}

// end waits for the supervisor and checks what must hold for every stream.
func (p *pod) end(want int) []any {
	p.t.Helper()
	closing := p.until("closing", -1)
	if got := p.wait(); got != want {
		p.t.Errorf("the supervisor's exit code is %d, want %d; %s", got, want, p.stderr.String())
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	for i, event := range p.events {
		if event["seq"] != float64(i+1) {
			p.t.Errorf("event %d has number %v", i+1, event["seq"])
		}
	}
	if p.events[0]["type"] != "hello" || p.events[len(p.events)-1]["type"] != "closing" {
		p.t.Errorf("first %v, last %v", p.events[0], p.events[len(p.events)-1])
	}
	if message, err := os.ReadFile(filepath.Join(p.root, "dev/termination-log")); err != nil || !json.Valid(message) {
		p.t.Errorf("termination message %q, %v", message, err)
	}
	return closing["tasks"].([]any)
}

func (p *pod) outcome(task int, outcome, reason string) heard {
	p.t.Helper()
	event := p.until("task.finished", task)
	if event["outcome"] != outcome || event["reason"] != reason {
		p.t.Errorf("task %d: %v, want %s, %s", task, event, outcome, reason)
	}
	return event
}

// Pieces of programs.

func lit(text string) program.Text { return program.Text{{Literal: text}} }

func ofTask(task int, result string) program.Segment {
	return program.Segment{Reference: &program.Reference{Task: &task, Result: &result}}
}

func ofStep(step int, result string) program.Segment {
	return program.Segment{Reference: &program.Reference{Step: &step, Result: &result}}
}

func script(socket int, text ...program.Segment) program.Step {
	whole := program.Text(text)
	return program.Step{Name: fmt.Sprintf("s%d", socket), Socket: socket, Script: &whole, OnError: program.StopAndFail}
}

func sh(socket int, text string) program.Step { return script(socket, program.Segment{Literal: text}) }

func task(id int, needs []int, steps ...program.Step) program.Task {
	return program.Task{ID: id, Name: fmt.Sprintf("t%d", id), Needs: needs, OnError: program.StopAndFail, Steps: steps}
}

func withResult(t program.Task, name string, kind value.Type) program.Task {
	t.Results = append(t.Results, program.Result{Name: name, Type: kind})
	return t
}

func command(args ...string) *exec.Cmd {
	return exec.Command(filepath.Join(binaries, "supervisor"), args...)
}

func started(t *testing.T, process *exec.Cmd) *exec.Cmd {
	t.Helper()
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	return process
}
