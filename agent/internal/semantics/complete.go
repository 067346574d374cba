// Package semantics completes texts and decides conditions, exactly as src/plan/complete.ts does: the vectors in
// fixtures/semantics run against both.
package semantics

import (
	"maps"
	"slices"
	"strconv"

	"waybill.dev/agent/internal/program"
	"waybill.dev/agent/internal/value"
	"waybill.dev/agent/internal/wire"
)

// Known is what references are completed from. A nil getter knows nothing.
type Known struct {
	Result     func(task int, name string) (value.Value, bool)
	StepResult func(step int, name string) (value.Value, bool)
	Status     func(status program.Status) (string, bool)
	Reason     func(task int) (string, bool)
	RetryCount *int
	// Env gives a variable's value; one without a value stays as it was written. Without Env such a reference is Missing.
	Env func(name string) (string, bool)
	// Room is how many bytes of values may still be put in, counted down; nil = any number. A text may name a large result
	// any number of times.
	Room *int
}

// maxTexts is how many bytes of values all texts of one step, or of one task's conditions or results, may hold.
const maxTexts = 3 << 20

// MaxTexts is a fresh Room.
func MaxTexts() *int {
	room := maxTexts
	return &room
}

// fits counts a value; an item of a list costs its text and a few words.
func (k Known) fits(texts ...string) bool {
	if k.Room == nil {
		return true
	}
	for _, text := range texts {
		*k.Room -= len(text) + 16
	}
	return *k.Room >= 0
}

// Missing is the first reference (from the left) that has no value, or has another type, index or key; or, TooLarge, one
// whose value does not fit any more.
type Missing struct {
	Reference *program.Reference
	TooLarge  bool
}

func (m *Missing) Error() string {
	r := m.Reference
	switch {
	case m.TooLarge:
		return "with the values of their references, the texts are larger than " + strconv.Itoa(maxTexts) + " bytes"
	case r.Task != nil:
		return "task " + strconv.Itoa(*r.Task) + " has no such result: " + *r.Result
	case r.Step != nil:
		return "step " + strconv.Itoa(*r.Step) + " has no such result: " + *r.Result
	}
	return "a reference has no value"
}

// Text completes a text. Values are put in as they are and never read again.
func Text(text program.Text, known Known) (string, *Missing) {
	out := []byte{}
	for _, segment := range text {
		if segment.Reference == nil {
			out = append(out, segment.Literal...)
			continue
		}
		part, ok := stringOf(segment.Reference, known)
		if !ok {
			return "", &Missing{Reference: segment.Reference}
		}
		if !known.fits(part) {
			return "", &Missing{Reference: segment.Reference, TooLarge: true}
		}
		out = append(out, part...)
	}
	return string(out), nil
}

// Items completes a list: each text gives one string, each splat as many as its array result has.
func Items(items []program.Item, known Known) ([]string, *Missing) {
	out := []string{}
	for _, item := range items {
		if item.Text != nil {
			text, missing := Text(*item.Text, known)
			if missing != nil {
				return nil, missing
			}
			out = append(out, text)
			continue
		}
		all, ok := arrayOf(item.Splat, known)
		if !ok {
			return nil, &Missing{Reference: item.Splat}
		}
		if !known.fits(all...) {
			return nil, &Missing{Reference: item.Splat, TooLarge: true}
		}
		out = append(out, all...)
	}
	return out, nil
}

// Entries completes an object, in the order of its keys.
func Entries(entries map[string]program.Text, known Known) (map[string]string, *Missing) {
	out := make(map[string]string, len(entries))
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		text, missing := Text(entries[key], known)
		if missing != nil {
			return nil, missing
		}
		out[key] = text
	}
	return out, nil
}

// Holds says whether all conditions hold. A reference without a value comes before a condition that is false, wherever
// they stand.
func Holds(when []program.When, known Known) (bool, *Missing) {
	holds := true
	for _, condition := range when {
		input, missing := Text(condition.Input, known)
		if missing != nil {
			return false, missing
		}
		among, missing := Items(condition.Values, known)
		if missing != nil {
			return false, missing
		}
		if slices.Contains(among, input) != (condition.Operator == "in") {
			holds = false
		}
	}
	return holds, nil
}

// Word completes a text but for its environment variables, which only the shim can see.
func Word(text program.Text, known Known) (wire.Word, *Missing) {
	out := wire.Word{}
	for _, segment := range text {
		switch {
		case segment.Reference == nil:
			out = append(out, wire.Part{Text: segment.Literal})
		case segment.Reference.Env != nil:
			out = append(out, wire.Part{Env: *segment.Reference.Env})
		default:
			part, ok := stringOf(segment.Reference, known)
			if !ok {
				return nil, &Missing{Reference: segment.Reference}
			}
			if !known.fits(part) {
				return nil, &Missing{Reference: segment.Reference, TooLarge: true}
			}
			out = append(out, wire.Part{Text: part})
		}
	}
	return out, nil
}

// Words is Items for words.
func Words(items []program.Item, known Known) ([]wire.Word, *Missing) {
	out := []wire.Word{}
	for _, item := range items {
		if item.Text != nil {
			word, missing := Word(*item.Text, known)
			if missing != nil {
				return nil, missing
			}
			out = append(out, word)
			continue
		}
		all, ok := arrayOf(item.Splat, known)
		if !ok {
			return nil, &Missing{Reference: item.Splat}
		}
		if !known.fits(all...) {
			return nil, &Missing{Reference: item.Splat, TooLarge: true}
		}
		for _, text := range all {
			out = append(out, wire.Word{{Text: text}})
		}
	}
	return out, nil
}

func stringOf(r *program.Reference, known Known) (string, bool) {
	switch {
	case r.Status != nil && known.Status != nil:
		return known.Status(*r.Status)
	case r.Reason != nil && known.Reason != nil:
		return known.Reason(*r.Reason)
	case r.RetryCount && known.RetryCount != nil:
		return strconv.Itoa(*known.RetryCount), true
	case r.Env != nil && known.Env != nil:
		if text, ok := known.Env(*r.Env); ok {
			return text, true
		}
		return "$(" + *r.Env + ")", true
	}
	v, ok := valueOf(r, known)
	if !ok {
		return "", false
	}
	switch v.Type {
	case value.String:
		return v.Text, r.Index == nil && r.Key == nil
	case value.Array:
		if r.Index == nil || *r.Index < 0 || *r.Index >= len(v.Items) {
			return "", false
		}
		return v.Items[*r.Index], true
	case value.Object:
		if r.Key == nil {
			return "", false
		}
		text, ok := v.Entries[*r.Key]
		return text, ok
	}
	return "", false
}

func arrayOf(r *program.Reference, known Known) ([]string, bool) {
	v, ok := valueOf(r, known)
	if !ok || v.Type != value.Array {
		return nil, false
	}
	return v.Items, true
}

func valueOf(r *program.Reference, known Known) (value.Value, bool) {
	switch {
	case r.Task != nil && known.Result != nil:
		return known.Result(*r.Task, *r.Result)
	case r.Step != nil && known.StepResult != nil:
		return known.StepResult(*r.Step, *r.Result)
	}
	return value.Value{}, false
}

// HasText says whether a reference has a value inside a text.
func HasText(r *program.Reference, known Known) bool {
	_, ok := stringOf(r, known)
	return ok
}

// HasArray says whether a splat has an array.
func HasArray(r *program.Reference, known Known) bool {
	_, ok := arrayOf(r, known)
	return ok
}
