package shim

import (
	"strings"

	"waybill.dev/agent/internal/wire"
)

// environment keeps the order of its entries, and the last value of each name.
type environment struct {
	names  []string
	values map[string]string
}

// overlay puts the order's variables over the container's. A variable sees those before it, as in Kubernetes.
func overlay(base []string, variables []wire.Variable) *environment {
	env := &environment{values: map[string]string{}}
	for _, entry := range base {
		if name, text, ok := strings.Cut(entry, "="); ok {
			env.set(name, text)
		}
	}
	for _, variable := range variables {
		env.set(variable.Name, env.expand(variable.Value))
	}
	return env
}

func (e *environment) set(name, text string) {
	if _, ok := e.values[name]; !ok {
		e.names = append(e.names, name)
	}
	e.values[name] = text
}

func (e *environment) get(name, otherwise string) string {
	if text, ok := e.values[name]; ok {
		return text
	}
	return otherwise
}

func (e *environment) list() []string {
	list := make([]string, len(e.names))
	for i, name := range e.names {
		list[i] = name + "=" + e.values[name]
	}
	return list
}

// expand joins a word; a variable without a value stays as it was written.
func (e *environment) expand(word wire.Word) string {
	var out strings.Builder
	for _, part := range word {
		if part.Env == "" {
			out.WriteString(part.Text)
		} else {
			out.WriteString(e.get(part.Env, "$("+part.Env+")"))
		}
	}
	return out.String()
}
