package value

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestValuesComeBack(t *testing.T) {
	for text, want := range map[string]Value{
		`"a"`:       OfText("a"),
		`""`:        OfText(""),
		`[]`:        OfItems(nil),
		`["a",""]`:  OfItems([]string{"a", ""}),
		`{}`:        OfEntries(nil),
		`{"k":"v"}`: OfEntries(map[string]string{"k": "v"}),
	} {
		var got Value
		if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if back, err := json.Marshal(got); err != nil || string(back) != text {
			t.Errorf("%s: %s, %v", text, back, err)
		}
	}
}

func TestWhatIsNoValue(t *testing.T) {
	for _, text := range []string{`null`, `1`, `true`, `[1]`, `[null]`, `{"k":null}`, `{"k":["v"]}`, `[["a"]]`} {
		var got Value
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
	if _, err := json.Marshal(Value{}); err == nil {
		t.Error("a value without a type")
	}
}

func TestEmptyStringsHaveASize(t *testing.T) {
	if OfItems(make([]string, 1000)).Size() < 1000 || OfText("é").Size() != 2 {
		t.Error("size")
	}
}
