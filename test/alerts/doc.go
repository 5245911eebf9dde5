// Package alerts tests what Prometheus and Grafana read: the alerts and the dashboard in
// charts/sluice/files, and the runbooks that the alerts point to.
//
// The YAML files beside it are unit tests for promtool: series go in, alerts come out. Each
// alert has one that it fires in and one that it does not. All else is in the tests of this
// package: that alerts, runbooks and metrics know of each other, and that every query of the
// dashboard can be read. What the queries answer is tested in the lab.
package alerts
