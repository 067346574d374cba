package downward

import (
	"os"
	"reflect"
	"testing"
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
	if err := Watch(folder, func(annotations map[string]string) { seen <- annotations }); err != nil {
		t.Fatal(err)
	}
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
