// Package value holds a Tekton param or result value: a string, an array of strings, or an object of strings.
package value

import (
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// Type is a declared type of a result, spelled as in Tekton.
type Type string

const (
	String Type = "string"
	Array  Type = "array"
	Object Type = "object"
)

// Known says whether t is one of Tekton's types.
func (t Type) Known() bool { return t == String || t == Array || t == Object }

// Value is one value; Type says which field holds it. The zero Value has no type and is not valid JSON.
type Value struct {
	Type    Type
	Text    string
	Items   []string
	Entries map[string]string
}

// OfText, OfItems and OfEntries make a value of each type.
func OfText(text string) Value { return Value{Type: String, Text: text} }

func OfItems(items []string) Value {
	if items == nil {
		items = []string{}
	}
	return Value{Type: Array, Items: items}
}

func OfEntries(entries map[string]string) Value {
	if entries == nil {
		entries = map[string]string{}
	}
	return Value{Type: Object, Entries: entries}
}

// Size is what a value counts against the limits: the bytes of its strings, and in arrays and objects the quotes, colons
// and commas around them, so that a million empty strings are not nothing.
func (v Value) Size() int {
	size := len(v.Text)
	for _, item := range v.Items {
		size += len(item) + len(`"",`)
	}
	for key, entry := range v.Entries {
		size += len(key) + len(entry) + len(`"":"",`)
	}
	return size
}

func (v Value) MarshalJSON() ([]byte, error) {
	switch v.Type {
	case String:
		return json.Marshal(v.Text)
	case Array:
		return json.Marshal(v.Items)
	case Object:
		return json.Marshal(v.Entries)
	}
	return nil, errors.New("value without a type")
}

func (v *Value) UnmarshalJSON(data []byte) error {
	for _, t := range []Type{String, Array, Object} {
		if parsed, err := Parse(t, data); err == nil {
			*v = parsed
			return nil
		}
	}
	return errors.New("a value is a string, an array of strings, or an object of strings")
}

// OfFile reads what a step wrote into a result's file. As in Tekton, where Go's JSON does it, every byte of a string that is
// no UTF-8 becomes U+FFFD; arrays and objects are JSON, and must be UTF-8.
func OfFile(t Type, data []byte) (Value, error) {
	if t == String {
		return OfText(string([]rune(string(data)))), nil
	}
	if !utf8.Valid(data) {
		return Value{}, errors.New("is not UTF-8")
	}
	return Parse(t, data)
}

// Parse reads JSON as a value of the given type and refuses every other type, null included.
func Parse(t Type, data []byte) (Value, error) {
	switch t {
	case String:
		var text *string
		if err := json.Unmarshal(data, &text); err != nil || text == nil {
			return Value{}, errors.New("not a JSON string")
		}
		return OfText(*text), nil
	case Array:
		var items []*string
		if err := json.Unmarshal(data, &items); err != nil || items == nil {
			return Value{}, errors.New("not a JSON array of strings")
		}
		texts := make([]string, len(items))
		for i, item := range items {
			if item == nil {
				return Value{}, errors.New("not a JSON array of strings")
			}
			texts[i] = *item
		}
		return OfItems(texts), nil
	case Object:
		var entries map[string]*string
		if err := json.Unmarshal(data, &entries); err != nil || entries == nil {
			return Value{}, errors.New("not a JSON object of strings")
		}
		texts := make(map[string]string, len(entries))
		for key, entry := range entries {
			if entry == nil {
				return Value{}, errors.New("not a JSON object of strings")
			}
			texts[key] = *entry
		}
		return OfEntries(texts), nil
	}
	return Value{}, errors.New("unknown type " + string(t))
}
