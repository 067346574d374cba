package event

import "waybill.dev/agent/internal/value"

// Kubernetes keeps 4 KiB of a container's termination message, and 12 KiB of a pod's, divided by its containers.
const (
	maxTermination    = 4 << 10
	maxPodTermination = 12 << 10
)

// terminationVersion is the message's own: the event stream may change without it.
const terminationVersion = 1

// termination is the outcomes first and the results last: where containers that others put into the pod leave less room
// than was counted on, the kubelet cuts off the end.
type termination struct {
	Version int `json:"version"`
	// Truncated: tasks are missing, the failed ones last.
	Truncated bool              `json:"truncated,omitempty"`
	Tasks     []terminationTask `json:"tasks"`
	// Results of each task that ran, by its id, whole or not at all.
	Results map[int]map[string]value.Value `json:"results"`
}

type terminationTask struct {
	ID        int     `json:"id"`
	Outcome   Outcome `json:"outcome"`
	Reason    string  `json:"reason"`
	ExitCodes []int   `json:"exitCodes,omitempty"`
}

// Termination is the message for /dev/termination-log of a pod with so many containers: outcomes and results, for a reader
// that cannot read the log. Where the room is small, exit codes go first, then results, the largest task's first, then
// tasks that did not fail.
func Termination(tasks []SnapshotTask, containers int) ([]byte, error) {
	room := min(maxTermination, maxPodTermination/max(containers, 1))
	message := termination{
		Version: terminationVersion,
		Tasks:   make([]terminationTask, len(tasks)),
		Results: map[int]map[string]value.Value{},
	}
	for i, task := range tasks {
		short := terminationTask{ID: task.Task, Outcome: task.Outcome, Reason: task.Reason}
		for _, step := range task.Steps {
			short.ExitCodes = append(short.ExitCodes, step.ExitCode)
		}
		message.Tasks[i] = short
		if task.Outcome == TaskSkipped {
			continue
		}
		switch {
		case task.Results == nil:
			message.Results[task.Task] = map[string]value.Value{}
		case sizeOf(task.Results) <= room:
			message.Results[task.Task] = task.Results
		}
	}
	for {
		text, err := marshal(message)
		if err != nil || len(text) <= room || !message.shrink() {
			return text, err
		}
	}
}

// shrink leaves out what is missed least; false where nothing is left.
func (m *termination) shrink() bool {
	shorter := false
	for i := range m.Tasks {
		shorter = shorter || m.Tasks[i].ExitCodes != nil
		m.Tasks[i].ExitCodes = nil
	}
	if shorter {
		return true
	}
	if largest, ok := m.largest(); ok {
		delete(m.Results, largest)
		return true
	}
	if !m.Truncated {
		m.Truncated = true
		failed := []terminationTask{}
		for _, task := range m.Tasks {
			if task.Outcome == TaskFailed {
				failed = append(failed, task)
			}
		}
		m.Tasks = failed
		return true
	}
	if len(m.Tasks) == 0 {
		return false
	}
	m.Tasks = m.Tasks[:len(m.Tasks)-1]
	return true
}

// largest is the task whose results take the most room; of equal ones the last.
func (m *termination) largest() (task int, ok bool) {
	most := -1
	for id, results := range m.Results {
		size := sizeOf(results)
		if size > most || size == most && id > task {
			task, most = id, size
		}
	}
	return task, most >= 0
}

// sizeOf is less than the bytes of results as JSON.
func sizeOf(results map[string]value.Value) int {
	size := 0
	for name, v := range results {
		size += len(name) + v.Size()
	}
	return size
}
