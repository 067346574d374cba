package program

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// Programs of fixtures/protocol/programs.json, which src/pod writes and this agent must take or refuse.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../../fixtures/protocol/programs.json")
	if err != nil {
		t.Fatal(err)
	}
	vectors := []struct {
		Name    string          `json:"name"`
		Valid   bool            `json:"valid"`
		Program json.RawMessage `json:"program"`
	}{}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		p, err := Parse(v.Program)
		if (err == nil) != v.Valid {
			t.Errorf("%s: %v", v.Name, err)
		}
		if err == nil && len(p.Tasks) == 0 {
			t.Errorf("%s: no tasks", v.Name)
		}
	}
}

func TestWhatIsNoJSON(t *testing.T) {
	for _, text := range []string{"", "null", "[]", `{"version":1} x`, strings.Repeat(" ", MaxSize+1)} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%.20q was taken", text)
		}
	}
}
