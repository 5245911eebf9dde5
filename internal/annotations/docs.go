package annotations

import (
	"fmt"
	"strings"
)

// Markdown is the reference page.
func Markdown() string {
	var page strings.Builder
	page.WriteString(`# Annotations

<!-- Generated from internal/annotations/table.go by "make generate". -->

Keys without a prefix begin with ` + "`" + Prefix + "`" + ` and mean what they mean to aws-load-balancer-controller.
An annotation that this build does not serve yet is reported as a problem of its Ingress, never ignored in silence.
A key that nobody knows is ignored and reported.

| type | how it is written |
| --- | --- |
| bool | ` + "`true` or `false`" + ` |
| integer | digits |
| list | items between commas; blanks around items do not count |
| map | ` + "`key=value`" + ` between commas; a comma inside a value is written ` + "`\\,`" + ` |
| duration | a number with a unit, ` + "`90s` or `5m`" + ` |

`)
	section(&page, "Load balancer", loadBalancerKeys)
	section(&page, "Listeners", listenerKeys)
	section(&page, "Target groups", targetGroupKeys)
	section(&page, "Rules", ruleKeys)
	section(&page, "Authentication", authKeys)
	section(&page, "Network Load Balancer in front", frontendKeys)
	section(&page, "Sluice's own", ownKeys)
	return page.String()
}

func section(page *strings.Builder, title string, keys []Key) {
	fmt.Fprintf(page, "## %s\n\n", title)
	page.WriteString("| key | type | default | where | with several Ingresses | built | meaning |\n")
	page.WriteString("| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, key := range keys {
		fmt.Fprintf(page, "| `%s` | %s | %s | %s | %s | %s | %s |\n",
			key.shown(), key.typeShown(), code(key.Default), key.where(), key.Merge, key.state(), escapeCell(key.Doc))
	}
	page.WriteString("\n")
}

func (k Key) shown() string {
	if k.Own {
		return k.String()
	}
	return k.Name
}

func (k Key) typeShown() string {
	if len(k.Allowed) == 0 {
		return string(k.Type)
	}
	values := make([]string, len(k.Allowed))
	for i, value := range k.Allowed {
		values[i] = code(value)
	}
	return strings.Join(values, ", ")
}

func (k Key) where() string {
	var places []string
	if k.On != 0 {
		places = append(places, objects(k.On))
	}
	if k.Label != 0 {
		places = append(places, "label of "+objects(k.Label))
	}
	return strings.Join(places, "; ")
}

func (k Key) state() string {
	switch {
	case k.Written:
		return "not to be set"
	case !k.Built:
		return "not yet"
	}
	return "yes"
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func escapeCell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`).Replace(text)
}
