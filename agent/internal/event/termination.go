package event

// Kubernetes keeps 4 KiB of a container's termination message, and 12 KiB of a pod's, divided by its containers.
const (
	maxTermination    = 4 << 10
	maxPodTermination = 12 << 10
)

type termination struct {
	Version int `json:"version"`
	// Truncated: tasks are missing, the failed ones last.
	Truncated bool              `json:"truncated,omitempty"`
	Tasks     []terminationTask `json:"tasks"`
}

type terminationTask struct {
	ID        int     `json:"id"`
	Outcome   Outcome `json:"outcome"`
	Reason    string  `json:"reason"`
	ExitCodes []int   `json:"exitCodes,omitempty"`
}

// Termination is the message for /dev/termination-log of a pod with so many containers: the outcomes without results,
// for a reader that lost the log. Where the room is small, exit codes go first, then tasks that did not fail.
func Termination(tasks []SnapshotTask, containers int) ([]byte, error) {
	room := min(maxTermination, maxPodTermination/max(containers, 1))
	message := termination{Version: Protocol, Tasks: make([]terminationTask, len(tasks))}
	for i, task := range tasks {
		short := terminationTask{ID: task.Task, Outcome: task.Outcome, Reason: task.Reason}
		for _, step := range task.Steps {
			short.ExitCodes = append(short.ExitCodes, step.ExitCode)
		}
		message.Tasks[i] = short
	}
	text, err := marshal(message)
	if err != nil || len(text) <= room {
		return text, err
	}
	for i := range message.Tasks {
		message.Tasks[i].ExitCodes = nil
	}
	if text, err = marshal(message); err != nil || len(text) <= room {
		return text, err
	}
	message.Truncated = true
	failed := []terminationTask{}
	for _, task := range message.Tasks {
		if task.Outcome == TaskFailed {
			failed = append(failed, task)
		}
	}
	for {
		message.Tasks = failed
		if text, err = marshal(message); err != nil || len(text) <= room || len(failed) == 0 {
			return text, err
		}
		failed = failed[:len(failed)-1]
	}
}
