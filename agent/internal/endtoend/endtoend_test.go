package endtoend

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"waybill.dev/agent/internal/program"
	"waybill.dev/agent/internal/value"
)

func TestChainWithResults(t *testing.T) {
	first := withResult(task(0, nil, sh(0, `printf one > "$R/r"`)), "r", value.String)
	second := withResult(task(1, []int{0}, script(1, program.Segment{Literal: `printf '%s-two' "`}, ofTask(0, "r"), program.Segment{Literal: `" > "$R/r"`})), "r", value.String)
	third := task(2, []int{1}, script(2, program.Segment{Literal: "echo got "}, ofTask(1, "r")))
	p := startPod(t, first, second, third)
	all := p.containers()
	closing := p.end(0)
	for socket, c := range all {
		if got := code(t, c.process); got != 0 {
			t.Errorf("container %d: %d %s", socket, got, c.err.String())
		}
	}
	if got := all[2].out.String(); got != "got one-two\n" {
		t.Errorf("%q", got)
	}
	if len(closing) != 3 || closing[1].(heard)["results"].(heard)["r"] != "one-two" {
		t.Errorf("%v", closing)
	}
}

func TestStepsShareTheirTask(t *testing.T) {
	// The second step reads the first one's exit code, workspace and result.
	one := sh(0, `echo data > f; printf v > "$S/step-s0/results/x"; exit 3`)
	one.OnError = program.Continue
	one.Results = []program.StepResult{{Name: "x", Type: value.String}}
	dir := lit(".")
	one.WorkingDir = &dir
	two := script(1, program.Segment{Literal: `cat f "$S/step-s0/exitCode"; echo `}, ofStep(0, "x"))
	two.WorkingDir = &dir
	whole := task(0, nil, one, two)
	whole.Results = []program.Result{{Name: "from", Type: value.String, Value: &program.Value{Kind: "step", Step: 0, Result: "x"}}}
	p := startPod(t, whole)
	all := p.containers()
	closing := p.end(0)
	if got := code(t, all[0].process); got != 0 {
		t.Errorf("continued: %d", got)
	}
	code(t, all[1].process)
	if got := all[1].out.String(); got != "data\n3v\n" {
		t.Errorf("%q %q", got, all[1].err.String())
	}
	steps := closing[0].(heard)["steps"].([]any)
	if first := steps[0].(heard); first["exitCode"] != 3.0 || first["reason"] != "Continued" {
		t.Errorf("%v", first)
	}
	if closing[0].(heard)["results"].(heard)["from"] != "v" {
		t.Errorf("%v", closing[0])
	}
}

func TestParallelTasks(t *testing.T) {
	// Each waits for the other's file: in sequence they would never end.
	folder := t.TempDir()
	wait := func(mine, other string) string {
		return "touch " + folder + "/" + mine + "; until [ -e " + folder + "/" + other + " ]; do sleep 0.01; done"
	}
	p := startPod(t, task(0, nil, sh(0, wait("a", "b"))), task(1, nil, sh(1, wait("b", "a"))))
	p.containers()
	p.outcome(0, "succeeded", "Succeeded")
	p.outcome(1, "succeeded", "Succeeded")
	p.end(0)
}

func TestWhenAndSkips(t *testing.T) {
	no := task(0, nil, sh(0, "echo never"))
	no.When = []program.When{{Input: lit("a"), Operator: "in", Values: []program.Item{{Text: ptr(lit("b"))}}}}
	no = withResult(no, "r", value.String)
	p := startPod(t, no,
		task(1, []int{0}, sh(1, "echo runs")),
		task(2, []int{0}, script(2, ofTask(0, "r"))),
		task(3, []int{2}, sh(3, "echo never")))
	all := p.containers()
	p.outcome(0, "skipped", "When Expressions evaluated to false")
	p.outcome(1, "succeeded", "Succeeded")
	p.outcome(2, "skipped", "Results were missing")
	p.outcome(3, "skipped", "Parent Tasks were skipped")
	p.end(0)
	for socket, c := range all {
		if got := code(t, c.process); got != 0 {
			t.Errorf("container %d: %d", socket, got)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestFailureStopsTheRest(t *testing.T) {
	folder := t.TempDir()
	p := startPod(t,
		task(0, nil, sh(0, "until [ -e "+folder+"/go ]; do sleep 0.01; done; exit 4"), sh(1, "echo never")),
		task(1, nil, sh(2, "touch "+folder+"/go; until [ -e "+folder+"/end ]; do sleep 0.01; done")),
		task(2, []int{1}, sh(3, "echo never")))
	all := p.containers()
	failed := p.outcome(0, "failed", "StepFailed")
	if failed["message"] != `"step-s0" exited with code 4: Error` {
		t.Errorf("%v", failed["message"])
	}
	p.outcome(2, "skipped", "PipelineRun was stopping")
	os.WriteFile(folder+"/end", nil, 0o644)
	p.outcome(1, "succeeded", "Succeeded")
	p.end(1)
	for socket, want := range map[int]int{0: 4, 1: 1, 2: 0, 3: 0} {
		if got := code(t, all[socket].process); got != want {
			t.Errorf("container %d: %d, want %d", socket, got, want)
		}
	}
}

func TestTaskOnError(t *testing.T) {
	bad := task(0, nil, sh(0, "exit 1"))
	bad.OnError = program.Continue
	bad = withResult(bad, "r", value.String)
	lenient := task(2, []int{0}, script(2, ofTask(0, "r")))
	lenient.OnError = program.Continue
	p := startPod(t, bad, task(1, []int{0}, sh(1, "true")), lenient, task(3, []int{1}, script(3, ofTask(0, "r"))))
	p.containers()
	p.outcome(0, "failed", "FailureIgnored")
	p.outcome(1, "succeeded", "Succeeded")
	p.outcome(2, "skipped", "Results were missing")
	p.outcome(3, "failed", "InvalidTaskResultReference")
	p.end(1)
}

func TestMissingResultOfSuccess(t *testing.T) {
	p := startPod(t, withResult(task(0, nil, sh(0, "true")), "r", value.String), task(1, []int{0}, script(1, ofTask(0, "r"))))
	p.containers()
	p.outcome(1, "failed", "InvalidTaskResultReference")
	p.end(1)
}

func TestTaskTimeout(t *testing.T) {
	slow := task(0, nil, sh(0, "sleep 60"), sh(1, "echo never"))
	slow.Timeout = 300
	p := startPod(t, slow)
	all := p.containers()
	p.outcome(0, "failed", "TaskRunTimeout")
	p.end(1)
	for socket := range all {
		if got := code(t, all[socket].process); got != 1 {
			t.Errorf("container %d: %d", socket, got)
		}
	}
}

func TestDrain(t *testing.T) {
	folder := t.TempDir()
	p := startPod(t, task(0, nil, sh(0, "until [ -e "+folder+"/end ]; do sleep 0.01; done")), task(1, []int{0}, sh(1, "echo never")))
	p.containers()
	p.until("step.started", 0)
	// As the kubelet does it: a new folder, and a link to it put in the place of the old one.
	downward := filepath.Join(p.root, "waybill/downward")
	os.Mkdir(downward+"/..1", 0o755)
	os.WriteFile(downward+"/..1/annotations", []byte("a=\"b\"\nwaybill.dev/drain=\"true\"\n"), 0o644)
	os.Symlink("..data/annotations", downward+"/annotations")
	os.Symlink("..1", downward+"/..data_tmp")
	os.Rename(downward+"/..data_tmp", downward+"/..data")
	p.outcome(1, "skipped", "PipelineRun was stopping")
	os.WriteFile(folder+"/end", nil, 0o644)
	p.outcome(0, "succeeded", "Succeeded")
	p.end(0)
}

func TestTermination(t *testing.T) {
	p := startPod(t, task(0, nil, sh(0, "trap '' TERM; sleep 60")), task(1, []int{0}, sh(1, "echo never")))
	all := p.containers()
	p.until("step.started", 0)
	p.supervisor.Process.Signal(syscall.SIGTERM)
	p.outcome(0, "failed", "TaskRunCancelled")
	p.outcome(1, "skipped", "PipelineRun was stopping")
	closing := p.end(1)
	if got := code(t, all[0].process); got != 9 {
		t.Errorf("%d", got)
	}
	step := closing[0].(heard)["steps"].([]any)[0].(heard)
	if step["reason"] != "Cancelled" {
		t.Errorf("%v", step)
	}
}

func TestLostSupervisor(t *testing.T) {
	folder := t.TempDir()
	p := startPod(t, task(0, nil, sh(0, "echo $$ > "+folder+"/pid; sleep 300"), sh(1, "true")))
	all := p.containers()
	p.until("step.started", 0)
	p.supervisor.Process.Kill()
	for socket := range all {
		if got := code(t, all[socket].process); got != 125 {
			t.Errorf("container %d: %d", socket, got)
		}
	}
}

func TestLostContainer(t *testing.T) {
	p := startPod(t, task(0, nil, sh(0, "sleep 60"), sh(1, "true")))
	all := p.containers()
	p.until("step.started", 0)
	all[0].process.Process.Kill()
	p.outcome(0, "failed", "StepFailed")
	step := p.until("step.finished", 0)
	if step["exitCode"] != 137.0 || step["reason"] != "Error" {
		t.Errorf("%v", step)
	}
	p.end(1)
}

func TestOneConnectionASocket(t *testing.T) {
	p := startPod(t, task(0, nil, sh(0, "sleep 60")))
	p.container(0)
	p.until("step.started", 0)
	if _, err := os.Stat(filepath.Join(p.root, "waybill/run/s0/sock")); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	os.RemoveAll(filepath.Join(p.root, "c0"))
	if got := code(t, p.container(0).process); got != 125 {
		t.Errorf("a second shim: %d", got)
	}
	p.supervisor.Process.Signal(syscall.SIGTERM)
	p.end(1)
}

func TestLateContainersAreDismissed(t *testing.T) {
	// The pod's last image is pulled after all is decided: the supervisor has said its last word, but serves on.
	p := startPod(t, task(0, nil, sh(0, "exit 1")), task(1, []int{0}, sh(1, "echo never")))
	p.container(0)
	p.until("closing", -1)
	late := p.container(1)
	if got := code(t, late.process); got != 0 {
		t.Errorf("%d", got)
	}
	p.end(1)
}

func TestLargeResultsGoOutInParts(t *testing.T) {
	text := `head -c 40000 /dev/zero | tr '\0' '"' > "$R/r"`
	p := startPod(t, withResult(task(0, nil, sh(0, text)), "r", value.String))
	p.containers()
	if got := p.wait(); got != 0 {
		t.Errorf("%d", got)
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	parts := 0
	for i, event := range p.events {
		if event["seq"] != float64(i+1) {
			t.Errorf("event %d has number %v", i+1, event["seq"])
		}
		if event["part"] != nil {
			parts++
		}
	}
	if parts < 8 {
		t.Errorf("%d parts", parts)
	}
}

func TestMalformedProgram(t *testing.T) {
	root := t.TempDir()
	os.Mkdir(root+"/dev", 0o755)
	for _, text := range []string{"", "{", `{"version":2}`, `{"version":1,"run":"u","more":1}`} {
		process := command("run", root)
		process.Env = append(os.Environ(), "WAYBILL_PROGRAM="+text)
		if got := code(t, started(t, process)); got != 2 {
			t.Errorf("%q: %d", text, got)
		}
		if message, _ := os.ReadFile(root + "/dev/termination-log"); !strings.HasPrefix(string(message), "waybill: ") {
			t.Errorf("%q", message)
		}
	}
}
