package downward

import (
	"os"
	"reflect"
	"syscall"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	got := parse("a=\"b\"\nx/y=\"line\\n\\\"quoted\\\" = é\"\nbroken\nz=unquoted\nempty=\"\"")
	want := map[string]string{"a": "b", "x/y": "line\n\"quoted\" = é", "empty": ""}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

func TestNoVolume(t *testing.T) {
	if err := Watch(t.TempDir()+"/none", func(map[string]string) { t.Error("called") }); err != nil {
		t.Error(err)
	}
}

func TestWatch(t *testing.T) {
	seesChanges(t, func(folder string, changed func(map[string]string)) {
		if err := Watch(folder, changed); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPoll(t *testing.T) {
	seesChanges(t, func(folder string, changed func(map[string]string)) { go poll(folder, changed, time.Millisecond) })
}

// Where nothing can be watched, Watch polls.
func TestWithoutInotify(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	seesChanges(t, func(folder string, changed func(map[string]string)) {
		// No descriptor is left for inotify, as where the node's limit is reached.
		next, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		low := syscall.Rlimit{Cur: uint64(next.Fd()), Max: before.Max}
		next.Close()
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
			t.Fatal(err)
		}
		_, full := notify(folder)
		err = Watch(folder, changed)
		if back := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); back != nil || full == nil || err != nil {
			t.Fatal(back, full, err)
		}
	})
}

func seesChanges(t *testing.T, watch func(folder string, changed func(map[string]string))) {
	folder := t.TempDir()
	// As the kubelet does it: a new folder each time, and a link that is replaced by a rename.
	publish := func(version, text string) {
		os.Mkdir(folder+"/"+version, 0o755)
		os.WriteFile(folder+"/"+version+"/annotations", []byte(text), 0o644)
		os.Symlink(version, folder+"/..data_tmp")
		os.Rename(folder+"/..data_tmp", folder+"/..data")
	}
	publish("..1", "a=\"1\"\n")
	os.Symlink("..data/annotations", folder+"/annotations")
	seen := make(chan map[string]string, 16)
	watch(folder, func(annotations map[string]string) { seen <- annotations })
	if first := <-seen; first["a"] != "1" {
		t.Errorf("%v", first)
	}
	publish("..2", "a=\"2\"\n")
	for annotations := range seen {
		if annotations["a"] == "2" {
			return
		}
	}
}
