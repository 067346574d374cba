package run

import (
	"fmt"
	"strings"
	"testing"

	"waybill.dev/agent/internal/event"
	"waybill.dev/agent/internal/wire"
)

// withResults declares results of a task, of a type each.
func withResults(task string, types ...string) string {
	all := []string{}
	for i, kind := range types {
		all = append(all, fmt.Sprintf(`{"name":"r%d","type":%q}`, i, kind))
	}
	return strings.Replace(task, `"results":[],"steps"`, `"results":[`+strings.Join(all, ",")+`],"steps"`, 1)
}

// A step may have its shim's user, and so its word: it can lie about itself within what a step can be.
func TestReportsAreNotBelieved(t *testing.T) {
	long := strings.Repeat("é", 4000)
	for name, c := range map[string]struct {
		report wire.Exited
		code   int
		reason event.StepReason
		task   string
	}{
		"a negative exit code":         {wire.Exited{Cause: wire.CauseExit, ExitCode: -1}, 1, event.Error, "StepFailed"},
		"an exit code above 255":       {wire.Exited{Cause: wire.CauseExit, ExitCode: 1 << 40}, 1, event.Error, "StepFailed"},
		"an unknown cause":             {wire.Exited{Cause: "nonsense"}, 1, event.Error, "StepFailed"},
		"killed, though nobody did":    {wire.Exited{Cause: wire.CauseKill, ExitCode: 9}, 1, event.Error, "StepFailed"},
		"a timeout that it has not":    {wire.Exited{Cause: wire.CauseTimeout, ExitCode: 1}, 1, event.Error, "StepFailed"},
		"not started, and a good end":  {wire.Exited{Cause: wire.CauseStart}, 1, event.Error, "StepFailed"},
		"a bad result, and a good end": {wire.Exited{Cause: wire.CauseResults}, 1, event.Error, "StepFailed"},
		"a message without end":        {wire.Exited{Cause: wire.CauseStart, ExitCode: 127, Message: long}, 127, event.Error, "StepFailed"},
		"too many results":             {wire.Exited{TaskResults: make([][]byte, 3)}, 1, event.Error, "StepFailed"},
		"too few results":              {wire.Exited{TaskResults: make([][]byte, 1)}, 1, event.Error, "StepFailed"},
		"results of a step":            {wire.Exited{StepResults: make([][]byte, 1)}, 1, event.Error, "StepFailed"},
		"another type":                 {wire.Exited{TaskResults: [][]byte{nil, []byte(`"x"`)}}, 1, event.Error, "StepFailed"},
		"too large a result":           {wire.Exited{TaskResults: [][]byte{[]byte("12345678901"), nil}}, 1, event.Error, "TaskRunResultLargerThanAllowedLimit"},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t, "["+withResults(taskJSON(0, "", "", stepJSON(0, "")), "string", "array")+"]")
			w.run.Connected(0)
			if c.report.Cause == "" {
				c.report.Cause = wire.CauseExit
			}
			w.run.Exited(0, c.report)
			w.expect("task 0 started", fmt.Sprintf("step 0.0 %d %s", c.code, c.reason), "task 0 failed: "+c.task, "closing 1")
			if all := w.run.Snapshot(); len(all[0].Results) != 0 || len(all[0].Steps[0].Message) > longestMessage+len("…") {
				t.Errorf("%+v", all[0])
			}
		})
	}
}

func TestAnEndBeforeTheOrderIsALoss(t *testing.T) {
	w := begin(t, "["+taskJSON(0, "", "", stepJSON(0, ""), stepJSON(1, ""))+"]")
	w.run.Connected(1)
	w.exit(1, 0)
	w.run.Connected(0)
	w.exit(0, 0)
	w.expect("task 0 started", "step 0.0 0 Completed", "step 0.1 137 Error", "task 0 failed: StepFailed", "closing 1")
}

func TestNoTaskTakesTheRoomOfAnother(t *testing.T) {
	// Ten bytes for both, of which two are kept for each that has not had them.
	tasks := withResults(taskJSON(0, "", "", stepJSON(0, "")), "string") + "," + withResults(taskJSON(1, "", "", stepJSON(1, "")), "string")
	w := begin(t, "["+tasks+"]")
	w.run.Connected(0)
	w.run.Connected(1)
	send := func(text string) wire.Exited {
		return wire.Exited{Cause: wire.CauseExit, TaskResults: [][]byte{[]byte(text)}}
	}
	w.run.Exited(0, send("123456789"))
	w.run.Exited(1, send("12"))
	w.expect("task 0 started", "task 1 started", "step 0.0 1 Error", "task 0 failed: TaskRunResultLargerThanAllowedLimit",
		"step 1.0 0 Completed", "task 1 succeeded: Succeeded", "closing 2")
}

// A text that names a result many times would fill the supervisor's memory.
func TestTextsAreLimited(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	many := strings.Repeat(`{"task":0,"result":"r0"},`, 1000) + `""`
	first := withResults(taskJSON(0, "", "", stepJSON(0, "")), "string")
	script := strings.Replace(stepJSON(1, ""), `"argv":`, `"script":[`+many+`],"argv":`, 1)
	when := strings.Replace(taskJSON(2, "0", "", stepJSON(2, "")), `"when":[]`, `"when":[{"input":[`+many+`],"operator":"in","values":[]}]`, 1)
	value := strings.Replace(taskJSON(3, "0", "", stepJSON(3, "")), `"results":[],"steps"`,
		`"results":[{"name":"v","type":"string","value":{"kind":"string","text":[`+many+`]}}],"steps"`, 1)
	for name, c := range map[string]struct{ task, want string }{
		"of a step":      {taskJSON(1, "0", "", script), "task 1 failed: StepFailed"},
		"of a condition": {when, "task 2 failed: InvalidTaskResultReference"},
		"of a result":    {value, "task 3 failed: TaskRunResultLargerThanAllowedLimit"},
	} {
		t.Run(name, func(t *testing.T) {
			w := beginWithin(t, 2<<20, "["+first+","+c.task+"]")
			w.run.Connected(0)
			for socket := range 4 {
				if _, ok := w.run.sockets[socket]; ok {
					w.run.Connected(socket)
				}
			}
			w.run.Exited(0, wire.Exited{Cause: wire.CauseExit, TaskResults: [][]byte{[]byte(large)}})
			if _, ok := w.run.sockets[3]; ok {
				w.exit(3, 0)
			}
			if last := w.events[len(w.events)-2]; last != c.want {
				t.Errorf("%q", w.events)
			}
		})
	}
}
