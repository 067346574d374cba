package event

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill.dev/agent/internal/value"
)

var update = flag.Bool("update", false, "write the lines of fixtures/protocol/stream.json")

const stream = "../../../fixtures/protocol/stream.json"

type vector struct {
	Name   string            `json:"name"`
	Events []json.RawMessage `json:"events"`
	Lines  []string          `json:"lines"`
}

// The TypeScript reader takes the same lines back to the same events.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile(stream)
	if err != nil {
		t.Fatal(err)
	}
	vectors := []vector{}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for i := range vectors {
		v := &vectors[i]
		lines := encode(t, v.Events)
		if *update {
			v.Lines = lines
		} else if !slices.Equal(lines, v.Lines) {
			t.Errorf("%s: got\n%s", v.Name, strings.Join(lines, "\n"))
		}
	}
	if *update {
		text, _ := marshal(vectors)
		os.WriteFile(stream, append(text, '\n'), 0o644)
	}
}

func encode(t *testing.T, events []json.RawMessage) []string {
	var out bytes.Buffer
	encoder := NewEncoder(&out)
	for _, raw := range events {
		var known head
		json.Unmarshal(raw, &known)
		at, err := time.Parse(time.RFC3339, known.Time)
		if err != nil {
			t.Fatal(err)
		}
		body := map[string]Body{
			"hello": &Hello{}, "task.started": &TaskStarted{}, "step.started": &StepStarted{}, "step.finished": &StepFinished{},
			"task.finished": &TaskFinished{}, "heartbeat": &Heartbeat{}, "closing": &Closing{},
		}[known.Type]
		if err := json.Unmarshal(raw, body); err != nil {
			t.Fatal(err)
		}
		if err := encoder.Write(at, body); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestLinesAreShort(t *testing.T) {
	for _, piece := range []string{"x", `"`, `\`, "é", "😀", "\x00", "\u2028", "<"} {
		var out bytes.Buffer
		encoder := NewEncoder(&out)
		message := strings.Repeat(piece, 20000)
		if err := encoder.Write(time.Unix(0, 0), StepFinished{StepOutcome: StepOutcome{Message: message}}); err != nil {
			t.Fatal(err)
		}
		joined := ""
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		for i, line := range lines {
			if len(line) > MaxLine {
				t.Errorf("%q: a line of %d bytes", piece, len(line))
			}
			var p part
			if err := json.Unmarshal([]byte(line), &p); err != nil || p.Seq != i+1 || p.Part != i+1 || p.Parts != len(lines) {
				t.Errorf("%q: %v %+v", piece, err, p)
			}
			joined += p.Data
		}
		var back StepFinished
		if err := json.Unmarshal([]byte(joined), &back); err != nil || back.Message != message {
			t.Errorf("%q: %v", piece, err)
		}
	}
}

const terminations = "../../../fixtures/protocol/termination.json"

type terminationVector struct {
	Name       string          `json:"name"`
	Containers int             `json:"containers"`
	Tasks      json.RawMessage `json:"tasks"`
	// Message is what the supervisor writes, and Read what a reader makes of it.
	Message string          `json:"message"`
	Read    json.RawMessage `json:"read"`
}

// The TypeScript reader reads the same messages.
func TestTerminationVectors(t *testing.T) {
	text, err := os.ReadFile(terminations)
	if err != nil {
		t.Fatal(err)
	}
	vectors := []terminationVector{}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for i := range vectors {
		v := &vectors[i]
		// Messages that no agent of this version writes are for the reader alone.
		if len(v.Tasks) == 0 || string(v.Tasks) == "null" {
			continue
		}
		tasks := []SnapshotTask{}
		if err := json.Unmarshal(v.Tasks, &tasks); err != nil {
			t.Fatal(err)
		}
		message, err := Termination(tasks, v.Containers)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			v.Message = string(message)
		} else if string(message) != v.Message {
			t.Errorf("%s: got\n%s", v.Name, message)
		}
	}
	if *update {
		text, _ := marshal(vectors)
		os.WriteFile(terminations, append(text, '\n'), 0o644)
	}
}

func TestTerminationFits(t *testing.T) {
	tasks := []SnapshotTask{}
	for i := range 200 {
		outcome := TaskOutcome{Outcome: TaskSucceeded, Reason: "Succeeded"}
		if i%10 == 0 {
			outcome = TaskOutcome{Outcome: TaskFailed, Reason: "StepFailed"}
		}
		if i%3 == 0 {
			outcome.Results = map[string]value.Value{"out": value.OfText(strings.Repeat("<", 50*i))}
		}
		tasks = append(tasks, SnapshotTask{Task: i, TaskOutcome: outcome, Steps: []SnapshotStep{{StepOutcome: StepOutcome{ExitCode: i % 2}}}})
	}
	for _, c := range []struct {
		tasks, containers int
		truncated         bool
		left, results     int
	}{{1, 2, false, 1, 1}, {3, 4, false, 3, 3}, {10, 1, false, 10, 9}, {60, 1, false, 60, 41}, {200, 1, true, 20, 0}, {200, 201, true, 0, 0}} {
		text, err := Termination(tasks[:c.tasks], c.containers)
		if err != nil || len(text) > maxTermination || len(text) > maxPodTermination/c.containers {
			t.Errorf("%+v: %d bytes, %v", c, len(text), err)
		}
		var back termination
		if err := json.Unmarshal(text, &back); err != nil || back.Truncated != c.truncated || len(back.Tasks) != c.left || len(back.Results) != c.results {
			t.Errorf("%+v: %v %d %s", c, err, len(back.Results), text)
		}
	}
}
