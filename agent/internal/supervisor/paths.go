package supervisor

import (
	"fmt"
	"os"
	"path/filepath"

	"waybill.dev/agent/internal/program"
)

// Paths of the supervisor's container; all below one root, which is "/" in a pod and a folder in tests.
type Paths struct{ root string }

// Under returns the paths below a root.
func Under(root string) Paths { return Paths{root} }

func (p Paths) in(parts ...string) string {
	return filepath.Join(append([]string{p.root}, parts...)...)
}

// ShimSource is the shim in the agent's image; ShimTarget is where the steps see it.
func (p Paths) ShimSource() string { return p.in("shim") }
func (p Paths) ShimTarget() string { return p.in("waybill/bin/shim") }

// Ready is a FIFO that the supervisor opens for writing when it listens.
func (p Paths) Ready() string { return p.in("waybill/run/control/ready") }

// Downward is the folder of the annotations volume.
func (p Paths) Downward() string { return p.in("waybill/downward") }

// Termination is Kubernetes' termination message file.
func (p Paths) Termination() string { return p.in("dev/termination-log") }

// Socket is where the shim of a step connects; its container sees the folder as /waybill/run.
func (p Paths) Socket(socket int) string {
	return p.in("waybill/run", fmt.Sprintf("s%d", socket), "sock")
}

// Task is the folder whose parts a task's steps see as /workspace and /tekton/….
func (p Paths) Task(id int) string { return p.in("waybill/tasks", fmt.Sprintf("t%d", id)) }

// prepare makes every folder that a step container mounts, open to every user: steps may run as anybody.
func (p Paths) prepare(tasks []program.Task) error {
	for _, task := range tasks {
		root := p.Task(task.ID)
		folders := []string{root, root + "/workspace", root + "/home", root + "/results", root + "/steps", root + "/scripts"}
		for i, step := range task.Steps {
			own := root + "/steps/step-" + step.Name
			folders = append(folders, own, own+"/results", fmt.Sprintf("%s/scripts/%d", root, i), filepath.Dir(p.Socket(step.Socket)))
		}
		for _, folder := range folders {
			if err := open(folder); err != nil {
				return err
			}
		}
		if err := p.resolving(root + "/etc"); err != nil {
			return err
		}
	}
	return nil
}

// resolving copies how names are resolved into a task's folder: the kubelet gives all containers of a pod the same files, and
// root in one of them could lead the others astray.
func (p Paths) resolving(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"hosts", "resolv.conf"} {
		text, err := os.ReadFile(p.in("etc", name))
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func open(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	return os.Chmod(folder, 0o777)
}
