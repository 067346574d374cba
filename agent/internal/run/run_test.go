package run

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"waybill.dev/agent/internal/event"
	"waybill.dev/agent/internal/program"
	"waybill.dev/agent/internal/wire"
)

// world records the effects of a run, and is its clock.
type world struct {
	t      *testing.T
	run    *Run
	at     time.Time
	sent   []string
	armed  []string
	events []string
}

func (w *world) Send(socket int, order wire.Order) {
	what := "exec"
	if order.Skip != nil {
		what = fmt.Sprintf("skip %d", order.Skip.ExitCode)
	}
	if order.Kill != nil {
		what = fmt.Sprintf("kill %d", order.Kill.ExitCode)
	}
	w.sent = append(w.sent, fmt.Sprintf("%d: %s", socket, what))
}

func (w *world) Arm(task int, after time.Duration) {
	w.armed = append(w.armed, fmt.Sprintf("%d: %s", task, after))
}

func (w *world) Emit(at time.Time, body event.Body) {
	if !at.Equal(w.at) {
		w.t.Errorf("%T at %s", body, at)
	}
	switch e := body.(type) {
	case event.TaskStarted:
		w.events = append(w.events, fmt.Sprintf("task %d started", e.Task))
	case event.StepStarted:
		w.events = append(w.events, fmt.Sprintf("step %d.%d started", e.Task, e.Step))
	case event.StepFinished:
		w.events = append(w.events, fmt.Sprintf("step %d.%d %d %s", e.Task, e.Step, e.ExitCode, e.Reason))
	case event.TaskFinished:
		w.events = append(w.events, fmt.Sprintf("task %d %s: %s", e.Task, e.Outcome, e.Reason))
	case event.Closing:
		w.events = append(w.events, fmt.Sprintf("closing %d", len(e.Tasks)))
	}
}

// begin reads tasks as JSON, so that tests show what the wire carries.
func begin(t *testing.T, tasks string) *world {
	t.Helper()
	return beginWithin(t, 10, tasks)
}

func beginWithin(t *testing.T, results int, tasks string) *world {
	t.Helper()
	text := fmt.Sprintf(`{"version":1,"run":"u","group":0,"attempt":3,"heartbeat":1000,"limits":{"result":%d,"results":%d},"tasks":%s}`, max(results, 100), results, tasks)
	p, err := program.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, at: time.Unix(1000, 0)}
	w.run = New(p, w, func() time.Time { return w.at })
	w.run.Begin()
	return w
}

func (w *world) expect(events ...string) {
	w.t.Helper()
	if !reflect.DeepEqual(w.events, events) && len(w.events)+len(events) > 0 {
		w.t.Errorf("events\n%s\nwant\n%s", strings.Join(w.events, "\n"), strings.Join(events, "\n"))
	}
	w.events = nil
}

func (w *world) orders(sent ...string) {
	w.t.Helper()
	if !reflect.DeepEqual(w.sent, sent) && len(w.sent)+len(sent) > 0 {
		w.t.Errorf("orders %q, want %q", w.sent, sent)
	}
	w.sent = nil
}

func (w *world) exit(socket, code int) {
	w.run.Exited(socket, wire.Exited{Cause: wire.CauseExit, ExitCode: code})
}

const tail = `,"onError":"stopAndFail"}`

func stepJSON(socket int, more string) string {
	return fmt.Sprintf(`{"name":"s%d","socket":%d,"argv":[{"text":["x"]}],"env":[],"timeout":0,"results":[]%s,"onError":"stopAndFail"}`, socket, socket, more)
}

func taskJSON(id int, needs string, more string, steps ...string) string {
	return fmt.Sprintf(`{"id":%d,"name":"t%d","needs":[%s],"when":[],"timeout":0,"results":[],"steps":[%s]%s`, id, id, needs, strings.Join(steps, ","), more) + tail
}

func TestStepsWaitForTheirShims(t *testing.T) {
	w := begin(t, "["+taskJSON(7, "", "", stepJSON(0, ""), stepJSON(1, ""))+"]")
	w.expect("task 7 started")
	w.run.Connected(1)
	w.orders()
	w.run.Connected(0)
	w.orders("0: exec")
	w.run.Started(0)
	w.exit(0, 0)
	w.orders("1: exec")
	w.exit(1, 0)
	w.expect("step 7.0 started", "step 7.0 0 Completed", "step 7.1 0 Completed", "task 7 succeeded: Succeeded", "closing 1")
	if !w.run.Done() || !w.run.Told() || w.run.Failed() {
		t.Error("not done")
	}
}

func TestTaskTimeoutKillsWhatRuns(t *testing.T) {
	timed := strings.Replace(taskJSON(0, "", "", stepJSON(0, ""), stepJSON(1, "")), `"timeout":0,"results":[],"steps"`, `"timeout":5000,"results":[],"steps"`, 1)
	w := begin(t, "["+timed+"]")
	w.run.Connected(0)
	w.run.Connected(1)
	if !reflect.DeepEqual(w.armed, []string{"0: 5s"}) {
		t.Errorf("%q", w.armed)
	}
	w.at = w.at.Add(5 * time.Second)
	w.run.Expired(0)
	w.orders("0: exec", "0: kill 1")
	w.run.Exited(0, wire.Exited{Cause: wire.CauseKill, ExitCode: 1})
	w.events = w.events[1:]
	w.expect("step 0.0 1 TimeoutExceeded", "step 0.1 1 Skipped", "task 0 failed: TaskRunTimeout", "closing 1")
	w.orders("1: skip 1")
}

func TestPatienceWithAKilledStep(t *testing.T) {
	w := begin(t, "["+taskJSON(0, "", "", stepJSON(0, ""))+"]")
	w.run.Connected(0)
	w.run.Cancel()
	if !reflect.DeepEqual(w.armed, []string{"0: 10s"}) {
		t.Errorf("%q", w.armed)
	}
	w.run.Expired(0)
	w.expect("task 0 started", "step 0.0 9 Cancelled", "task 0 failed: TaskRunCancelled", "closing 1")
	if !w.run.Told() {
		t.Error("waits for a shim that was given up")
	}
}

func TestTimeoutBeforeTheShimIsThere(t *testing.T) {
	timed := strings.Replace(taskJSON(0, "", "", stepJSON(0, "")), `"timeout":0,"results":[],"steps"`, `"timeout":5000,"results":[],"steps"`, 1)
	w := begin(t, "["+timed+"]")
	w.run.Expired(0)
	w.expect("task 0 started", "step 0.0 1 Skipped", "task 0 failed: TaskRunTimeout", "closing 1")
	w.run.Connected(0)
	w.orders("0: skip 1")
}

func TestDrainBeforeAnything(t *testing.T) {
	w := begin(t, "["+taskJSON(0, "", "", stepJSON(0, ""))+","+taskJSON(1, "0", "", stepJSON(1, ""))+"]")
	w.run.Drain()
	w.expect("task 0 started", "task 1 skipped: PipelineRun was stopping")
	w.run.Connected(1)
	w.orders("1: skip 0")
}

func TestLateReportsChangeNothing(t *testing.T) {
	w := begin(t, "["+taskJSON(0, "", "", stepJSON(0, ""))+"]")
	w.run.Connected(0)
	w.exit(0, 0)
	w.events = nil
	w.exit(0, 1)
	w.run.Lost(0, "gone")
	w.run.Started(0)
	w.run.Expired(0)
	w.run.Drain()
	w.run.Cancel()
	w.expect()
}

func TestAShimLostBeforeItsTurn(t *testing.T) {
	w := begin(t, "["+taskJSON(0, "", "", stepJSON(0, ""), stepJSON(1, ""))+"]")
	w.run.Connected(0)
	w.run.Connected(1)
	w.run.Lost(1, "gone")
	w.exit(0, 0)
	w.expect("task 0 started", "step 0.0 0 Completed", "step 0.1 137 Error", "task 0 failed: StepFailed", "closing 1")
}

func TestStepTimeoutAndStartFailureAreNotContinued(t *testing.T) {
	for _, report := range []wire.Exited{{Cause: wire.CauseTimeout, ExitCode: 1}, {Cause: wire.CauseStart, ExitCode: 127}, {Cause: "nonsense"}} {
		w := begin(t, "["+taskJSON(0, "", "", strings.Replace(stepJSON(0, ""), "stopAndFail", "continue", 1))+"]")
		w.run.Connected(0)
		w.run.Exited(0, report)
		if last := w.events[len(w.events)-2]; last != "task 0 failed: StepFailed" {
			t.Errorf("%+v: %s", report, last)
		}
	}
}

func TestMissingStepResult(t *testing.T) {
	uses := strings.Replace(stepJSON(1, ""), `{"text":["x"]}`, `{"text":[{"step":0,"result":"r"}]}`, 1)
	w := begin(t, "["+taskJSON(0, "", "", stepJSON(0, ""), uses)+"]")
	w.run.Connected(0)
	w.run.Connected(1)
	w.exit(0, 0)
	w.expect("task 0 started", "step 0.0 0 Completed", "step 0.1 1 Error", "task 0 failed: StepFailed", "closing 1")
	w.orders("0: exec", "1: skip 1")
}

func TestResultsOfThePodAreLimited(t *testing.T) {
	with := strings.Replace(taskJSON(0, "", "", stepJSON(0, "")), `"results":[],"steps"`, `"results":[{"name":"r","type":"string"}],"steps"`, 1)
	next := strings.Replace(with, `"id":0,"name":"t0","needs":[]`, `"id":1,"name":"t1","needs":[0]`, 1)
	next = strings.Replace(next, `"name":"s0","socket":0`, `"name":"s1","socket":1`, 1)
	w := begin(t, "["+with+","+next+"]")
	w.run.Connected(0)
	w.run.Connected(1)
	six := wire.Exited{Cause: wire.CauseExit, TaskResults: [][]byte{[]byte("123456")}}
	w.run.Exited(0, six)
	w.run.Exited(1, six)
	w.expect("task 0 started", "step 0.0 0 Completed", "task 0 succeeded: Succeeded",
		"task 1 started", "step 1.0 1 Error", "task 1 failed: TaskRunResultLargerThanAllowedLimit", "closing 2")
	all := w.run.Snapshot()
	if len(all[0].Results) != 1 || all[1].Results != nil {
		t.Errorf("%+v", all)
	}
}

func TestTooLargeAResultFailsTheTaskWithItsReason(t *testing.T) {
	w := begin(t, "["+taskJSON(0, "", "", stepJSON(0, ""))+"]")
	w.run.Connected(0)
	w.run.Exited(0, wire.Exited{Cause: wire.CauseTooLarge, ExitCode: 1, Message: "result r: larger than allowed"})
	w.expect("task 0 started", "step 0.0 1 Error", "task 0 failed: TaskRunResultLargerThanAllowedLimit", "closing 1")
}

func TestConditionsBeforeInvalidResults(t *testing.T) {
	first := taskJSON(0, "", "", stepJSON(0, ""))
	uses := strings.Replace(stepJSON(1, ""), `{"text":["x"]}`, `{"text":[{"task":0,"result":"r"}]}`, 1)
	second := strings.Replace(taskJSON(1, "0", "", uses), `"when":[]`, `"when":[{"input":["a"],"operator":"in","values":[]}]`, 1)
	w := begin(t, "["+first+","+second+"]")
	w.run.Connected(0)
	w.exit(0, 0)
	w.events = w.events[3:]
	w.expect("task 1 skipped: When Expressions evaluated to false", "closing 2")
}

func TestAnInvalidResultStopsWhatStandsBefore(t *testing.T) {
	uses := strings.Replace(stepJSON(2, ""), `{"text":["x"]}`, `{"text":[{"task":0,"result":"r"}]}`, 1)
	w := begin(t, "["+taskJSON(0, "", "", stepJSON(0, ""))+","+taskJSON(1, "", "", stepJSON(1, ""))+","+taskJSON(3, "1", "", stepJSON(3, ""))+","+taskJSON(2, "0", "", uses)+"]")
	w.run.Connected(0)
	w.run.Connected(1)
	w.exit(0, 0)
	w.exit(1, 0)
	w.events = w.events[2:]
	w.expect("step 0.0 0 Completed", "task 0 succeeded: Succeeded", "task 2 failed: InvalidTaskResultReference",
		"task 3 skipped: PipelineRun was stopping", "step 1.0 0 Completed", "task 1 succeeded: Succeeded", "closing 4")
}

func TestVariablesStayInScripts(t *testing.T) {
	s := strings.Replace(stepJSON(0, ""), `"argv":[{"text":["x"]}]`, `"argv":[{"text":[{"env":"A"}]}],"script":["echo ",{"env":"A"}, " ",{"retryCount":true}]`, 1)
	w := begin(t, "["+taskJSON(0, "", "", s)+"]")
	exec, missing := w.run.exec(w.run.sockets[0])
	if missing != nil || *exec.Script != "echo $(A) 2" || exec.Argv[0][0].Env != "A" {
		text, _ := json.Marshal(exec)
		t.Errorf("%s %v", text, missing)
	}
}
