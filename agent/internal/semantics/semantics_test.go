package semantics

import (
	"encoding/json"
	"os"
	"reflect"
	"strconv"
	"testing"

	"waybill.dev/agent/internal/program"
	"waybill.dev/agent/internal/value"
)

type vector struct {
	Name  string         `json:"name"`
	Text  program.Text   `json:"text"`
	Items []program.Item `json:"items"`
	When  []program.When `json:"when"`
	Known struct {
		Results    map[string]map[string]value.Value `json:"results"`
		Steps      map[string]map[string]value.Value `json:"steps"`
		Status     map[string]string                 `json:"status"`
		Reason     map[string]string                 `json:"reason"`
		RetryCount *int                              `json:"retryCount"`
		Env        map[string]string                 `json:"env"`
	} `json:"known"`
	Value   any                `json:"value"`
	Holds   bool               `json:"holds"`
	Missing *program.Reference `json:"missing"`
}

func (v vector) known() Known {
	known := Known{
		Result: func(task int, name string) (value.Value, bool) {
			found, ok := v.Known.Results[strconv.Itoa(task)][name]
			return found, ok
		},
		StepResult: func(step int, name string) (value.Value, bool) {
			found, ok := v.Known.Steps[strconv.Itoa(step)][name]
			return found, ok
		},
		Status: func(status program.Status) (string, bool) {
			key := "all"
			if !status.All {
				key = strconv.Itoa(status.Task)
			}
			found, ok := v.Known.Status[key]
			return found, ok
		},
		Reason: func(task int) (string, bool) {
			found, ok := v.Known.Reason[strconv.Itoa(task)]
			return found, ok
		},
		RetryCount: v.Known.RetryCount,
	}
	if v.Known.Env != nil {
		known.Env = func(name string) (string, bool) {
			found, ok := v.Known.Env[name]
			return found, ok
		}
	}
	return known
}

// The same vectors run against src/plan/complete.ts.
func run(t *testing.T, name string, complete func(v vector) (any, *Missing)) {
	text, err := os.ReadFile("../../../fixtures/semantics/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	vectors := []vector{}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vectors {
		got, missing := complete(v)
		if (missing != nil) != (v.Missing != nil) {
			t.Errorf("%s: %v, missing %v", v.Name, got, missing)
			continue
		}
		if missing != nil {
			if !reflect.DeepEqual(missing.Reference, v.Missing) {
				t.Errorf("%s: %v", v.Name, missing)
			}
			continue
		}
		have, _ := json.Marshal(got)
		want, _ := json.Marshal(v.Value)
		if name == "conditions" {
			want, _ = json.Marshal(v.Holds)
		}
		if string(have) != string(want) {
			t.Errorf("%s: %s, want %s", v.Name, have, want)
		}
	}
}

func TestTexts(t *testing.T) {
	run(t, "texts", func(v vector) (any, *Missing) { return result(Text(v.Text, v.known())) })
}

func TestItems(t *testing.T) {
	run(t, "items", func(v vector) (any, *Missing) { return result(Items(v.Items, v.known())) })
}

func TestConditions(t *testing.T) {
	run(t, "conditions", func(v vector) (any, *Missing) { return result(Holds(v.When, v.known())) })
}

func result[T any](v T, missing *Missing) (any, *Missing) { return v, missing }

// What the shim joins is what Text says, with the variables left to it.
func TestWordsAreTexts(t *testing.T) {
	run(t, "texts", func(v vector) (any, *Missing) {
		known := v.known()
		word, missing := Word(v.Text, known)
		if missing != nil {
			return nil, missing
		}
		text := ""
		for _, part := range word {
			if part.Env == "" {
				text += part.Text
				continue
			}
			found, missing := Text(program.Text{{Reference: &program.Reference{Env: &part.Env}}}, known)
			if missing != nil {
				return nil, missing
			}
			text += found
		}
		return text, nil
	})
}
