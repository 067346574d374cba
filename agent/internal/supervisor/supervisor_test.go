package supervisor

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"waybill.dev/agent/internal/program"
)

const oneTask = `{"version":1,"run":"u","group":0,"attempt":1,"heartbeat":20000,"limits":{"result":100,"results":100},"tasks":[
{"id":0,"name":"t","needs":[],"when":[],"timeout":TIMEOUT,"onError":"stopAndFail","results":[],"steps":[
{"name":"s","socket":0,"argv":[{"text":["x"]}],"env":[],"timeout":0,"onError":"stopAndFail","results":[]}]}]}`

type line struct {
	at   time.Duration
	kind string
}

// play runs the loop under a fake clock, with a shim that the test plays.
func play(t *testing.T, timeout string, script func(s *Supervisor, terminate chan<- os.Signal)) []line {
	t.Helper()
	p, err := program.Parse([]byte(strings.Replace(oneTask, "TIMEOUT", timeout, 1)))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	var out bytes.Buffer
	s := New(p, &out, "test")
	s.links[0] = &link{socket: 0}
	terminate := make(chan os.Signal, 1)
	go script(s, terminate)
	s.Loop(terminate, func() {})
	lines := []line{}
	for text := range strings.Lines(out.String()) {
		var e struct{ Time, Type string }
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		at, _ := time.Parse(time.RFC3339, e.Time)
		lines = append(lines, line{at.Sub(begin.Truncate(time.Millisecond)), e.Type})
	}
	return lines
}

func expect(t *testing.T, got []line, want ...line) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got[i], want[i])
		}
	}
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := play(t, "0", func(s *Supervisor, _ chan<- os.Signal) {
			time.Sleep(45 * time.Second)
			// Another event puts the next heartbeat off.
			s.drain <- struct{}{}
			time.Sleep(time.Second)
			s.inbox <- message{socket: 0, lost: os.ErrClosed}
		})
		expect(t, got, line{0, "hello"}, line{0, "task.started"}, line{20 * time.Second, "heartbeat"}, line{40 * time.Second, "heartbeat"},
			line{46 * time.Second, "step.finished"}, line{46 * time.Second, "task.finished"}, line{46 * time.Second, "closing"})
	})
}

func TestTaskTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := play(t, "7000", func(s *Supervisor, _ chan<- os.Signal) {
			time.Sleep(8 * time.Second)
			s.inbox <- message{socket: 0, lost: os.ErrClosed}
		})
		at := 7 * time.Second
		expect(t, got, line{0, "hello"}, line{0, "task.started"}, line{at, "step.finished"}, line{at, "task.finished"}, line{at, "closing"})
	})
}

func TestGraceAfterTermination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := play(t, "0", func(s *Supervisor, terminate chan<- os.Signal) {
			// It runs, and does not answer.
			s.inbox <- message{socket: 0, connected: &net.UnixConn{}}
			time.Sleep(time.Second)
			terminate <- syscall.SIGTERM
		})
		at := time.Second + grace
		expect(t, got, line{0, "hello"}, line{0, "task.started"}, line{at, "step.finished"}, line{at, "task.finished"}, line{at, "closing"})
	})
}

func TestReady(t *testing.T) {
	root := t.TempDir()
	paths := Under(root)
	os.WriteFile(paths.ShimSource(), []byte("shim"), 0o755)
	os.MkdirAll(filepath.Dir(paths.ShimTarget()), 0o755)
	if err := AwaitReady(paths, 50*time.Millisecond); err == nil {
		t.Error("ready without a supervisor")
	}
	announced, err := announce(paths.Ready())
	if err != nil {
		t.Fatal(err)
	}
	defer announced.Close()
	if err := AwaitReady(paths, 10*time.Second); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(paths.ShimTarget()); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v %v", info, err)
	}
	os.Remove(paths.ShimSource())
	if err := AwaitReady(paths, time.Second); err == nil {
		t.Error("ready without a shim")
	}
}

func TestEachTaskHasItsOwnNames(t *testing.T) {
	root := t.TempDir()
	os.MkdirAll(root+"/etc", 0o755)
	os.WriteFile(root+"/etc/hosts", []byte("10.0.0.1 pod\n"), 0o644)
	paths := Under(root)
	if err := paths.prepare([]program.Task{{ID: 3}, {ID: 5}}); err != nil {
		t.Fatal(err)
	}
	for _, task := range []int{3, 5} {
		hosts, err := os.ReadFile(paths.Task(task) + "/etc/hosts")
		resolv, missing := os.ReadFile(paths.Task(task) + "/etc/resolv.conf")
		if string(hosts) != "10.0.0.1 pod\n" || len(resolv) != 0 || err != nil || missing != nil {
			t.Errorf("%q %q %v %v", hosts, resolv, err, missing)
		}
	}
}
